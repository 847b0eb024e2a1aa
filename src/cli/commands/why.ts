import type { z } from '../../kernel/contracts/index.js';
import type { containerWhy, hostWhy } from '../../plugins/endpoints/why/schema.js';
import { localTarget, pathOfContainer, routeOf, type Target, textOf } from '../agent-client/index.js';
import type { CliEnvironment } from '../environment.js';
import type { AnswerFlags } from '../flags.js';
import { loadFor } from '../load.js';
import { withTemporaryAgent } from '../temporary-agent.js';

const ROUTE = '/api/why';
/** How long a temporary agent samples first, ms: rules need the growth of counters. */
const OBSERVATION_MS = 5_000;

type Answer = z.output<typeof hostWhy> | z.output<typeof containerWhy>;

export async function why(cli: CliEnvironment, flags: AnswerFlags, container?: string): Promise<void> {
  const answer = await answerOf(pathOfContainer(ROUTE, container), flags, cli);
  cli.out(flags.json === true ? `${answer.trimEnd()}\n` : textOfAnswer(JSON.parse(answer) as Answer));
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
  const { findings } = answer;
  const isOfHost = 'containers' in answer;
  const subject = isOfHost
    ? `this host (${answer.containers} containers)`
    : nameText(answer.container.aliases[0] ?? answer.container.name, answer.container.name);
  const further = isOfHost ? answer.further_findings : 0;
  const verdict = findings.length === 0 ? `Nothing is wrong with ${subject}.\n` : '';
  const list = findings.map((finding) => findingText(finding, isOfHost)).join('\n');
  const more = further === 0 ? '' : `\n${further} more: tallyman why CONTAINER\n`;
  return `${verdict}${list}${more}\n${coverageText(answer)}`;
}

function findingText(finding: Answer['findings'][number], isOfHost: boolean): string {
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
  for (const rule of skipped) {
    const count = 'containers' in rule ? ` (${rule.containers} containers)` : '';
    lines.push(`Not looked at: ${rule.title}${count}: ${rule.reason}`);
  }
  return `${lines.join('\n')}\n`;
}
