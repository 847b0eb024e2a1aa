import { type AnswerFlags, localTarget, pathOfContainer, routeOf, type Target, textOf } from '../agent-client/index.js';
import type { CliEnvironment } from '../environment.js';
import { EXIT } from '../exit.js';
import { loadFor } from '../load.js';
import { withTemporaryAgent } from '../temporary-agent.js';

const ROUTE = '/api/why';
/** How long a temporary agent samples first, ms: rules need the growth of counters. */
const OBSERVATION_MS = 5_000;

interface Finding {
  readonly rule: string;
  readonly severity: string;
  readonly container: string;
  readonly label: string;
  readonly what: string;
  readonly meaning: string;
  readonly evidence: readonly { readonly text: string }[];
  readonly mend: string;
  readonly lines: readonly { readonly tool: string; readonly line: string }[];
}

interface Rule {
  readonly rule: string;
  readonly title: string;
}

interface Answer {
  readonly container?: { readonly name: string; readonly aliases: readonly string[]; readonly running: boolean };
  readonly containers?: number;
  readonly findings: readonly Finding[];
  readonly further_findings?: number;
  readonly looked_at: readonly Rule[];
  readonly not_looked_at: readonly (Rule & { readonly reason: string; readonly containers?: number })[];
}

/**
 * `tallyman why`: prints what is wrong with a container, or the three most severe findings of the host. Without a running
 * agent, a temporary one samples the host for some seconds.
 * @throws ConfigError, TallymanError
 */
export async function why(container: string | undefined, flags: AnswerFlags, cli: CliEnvironment): Promise<number> {
  const answer = await answerOf(pathOfContainer(ROUTE, container), flags, cli);
  cli.out(flags.json === true ? `${answer.trimEnd()}\n` : textOfAnswer(JSON.parse(answer) as Answer));
  return EXIT.ok;
}

async function answerOf(path: string, flags: AnswerFlags, cli: CliEnvironment): Promise<string> {
  const ask = (agent: Target) => textOf(routeOf(agent, path), flags, cli);
  const target = localTarget(flags, cli);
  if (target !== undefined) return ask(target);
  cli.error(`tallyman: no agent was found: a temporary one looks at this host for ${OBSERVATION_MS / 1000} s\n`);
  return withTemporaryAgent(await loadFor(flags, cli), async (agent) => {
    await new Promise((resolve) => setTimeout(resolve, OBSERVATION_MS));
    return ask(agent);
  });
}

function textOfAnswer(answer: Answer): string {
  const { container, containers, findings, further_findings: further = 0 } = answer;
  const subject =
    container === undefined
      ? `this host (${containers} containers)`
      : nameText(container.aliases[0] ?? container.name, container.name);
  const verdict = findings.length === 0 ? `Nothing is wrong with ${subject}.\n` : '';
  const list = findings.map((finding) => findingText(finding, container === undefined)).join('\n');
  const more = further === 0 ? '' : `\n${further} more: tallyman why CONTAINER\n`;
  return `${verdict}${list}${more}\n${coverageText(answer)}`;
}

function findingText(finding: Finding, isOfHost: boolean): string {
  const { severity, rule, container, label, what, meaning, evidence, mend, lines } = finding;
  const indent = ' '.repeat(9);
  const name = nameText(label, container);
  const width = Math.max(0, ...lines.map(({ tool }) => tool.length));
  return [
    `${severity.padEnd(8)} ${isOfHost ? `${name}: ` : ''}${what}  [${rule}]`,
    `${indent}${meaning}`,
    ...evidence.map(({ text }) => `${indent}- ${text}`),
    `${indent}mend: ${mend}`,
    ...lines.map(({ tool, line }) => `${indent}  ${tool.padEnd(width)}  ${line}`),
    '',
  ].join('\n');
}

function nameText(label: string, name: string): string {
  return label === name ? name : `${label} (${name})`;
}

/** What was looked at, and what was not. */
function coverageText({ looked_at: looked, not_looked_at: skipped }: Answer): string {
  const lines = [`Looked at: ${looked.map(({ title }) => title).join('; ') || 'nothing'}.`];
  for (const { title, reason, containers } of skipped) {
    const count = containers === undefined ? '' : ` (${containers} containers)`;
    lines.push(`Not looked at: ${title}${count}: ${reason}`);
  }
  return `${lines.join('\n')}\n`;
}
