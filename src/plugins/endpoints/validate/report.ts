import { CHECKS, type Section, VERDICTS } from './checks.js';
import type { Facts } from './facts.js';

export function reportText(facts: Facts): string {
  const plain = [`cAdvisor version: v${facts.agentVersion} (Tallyman)`, '', `OS version: ${facts.osVersion}`, ''];
  const sections = CHECKS.flatMap((check) => sectionLines(check(facts)));
  return [...plain, ...sections, ...watchLines(facts), '', ...containerLines(facts), ''].join('\n');
}

function sectionLines({ title, verdict, lines }: Section): string[] {
  return [`${title}: ${VERDICTS[verdict]}`, ...lines.map((line) => `\t${line}`), '', ''];
}

function watchLines({ watched }: Facts): string[] {
  const lines = watched.flatMap(({ name, directories }) => [`\t${name}`, ...directories.map((path) => `\t\t${path}`)]);
  return ['Inotify watches: ', ...lines, ''];
}

function containerLines({ containers }: Facts): string[] {
  const lines = containers.flatMap(({ name, description: { namespace, aliases } }) => [
    `\t${name}`,
    ...(namespace === undefined ? [] : [`\t\tNamespace: ${namespace}`]),
    ...(aliases.length === 0 ? [] : ['\t\tAliases:', ...aliases.map((alias) => `\t\t\t${alias}`)]),
  ]);
  return ['Managed containers: ', ...lines];
}
