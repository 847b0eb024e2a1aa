import {
  type Answer,
  definePlugin,
  type OperationInfo,
  PLUGIN_API_VERSION,
  type PluginContext,
  z,
} from '../../../kernel/contracts/index.js';
import { CHECKS, type Section, VERDICTS } from './checks.js';
import { type Facts, gatherFacts } from './facts.js';

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

async function answer(context: PluginContext): Promise<Answer> {
  const text = reportText(await gatherFacts(context));
  return { contentType: 'text/plain; charset=utf-8', body: (out) => out.text(text) };
}

async function operations(): Promise<Record<string, OperationInfo>> {
  const response = z.string();
  return {
    '/validate/': { summary: 'What of this host can be used.', response, contentType: 'text/plain', errors: {} },
  };
}

export default definePlugin({
  kind: 'endpoint',
  name: 'validate',
  apiVersion: PLUGIN_API_VERSION,
  description: 'A report in words: what of this host the agent can use, what it watches, which containers it has.',
  create: (context) => ({ routes: { '/validate/': () => answer(context) }, operations }),
});
