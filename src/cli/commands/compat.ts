import { messageOf, TallymanError } from '../../kernel/contracts/index.js';
import { readNotes } from '../../kernel/operations/index.js';
import { AgentSession, nameOf, type Reply, type Target, targetOf, targetOfAgent } from '../agent-client/index.js';
import { onlyAgent } from '../agent-client/local-agent.js';
import type { Answered } from '../compat/compare.js';
import { type Ask, type Comparison, compareAgents } from '../compat/comparison.js';
import type { Cost } from '../compat/metrics.js';
import type { CliEnvironment } from '../environment.js';
import { EXIT } from '../exit.js';
import type { AskFlags } from '../flags.js';

export interface CompatFlags extends AskFlags {
  readonly json?: boolean;
  readonly containers: string;
  /** Maximum requests per second to each agent. */
  readonly rate: string;
}

const EXAMPLE = 'http://127.0.0.1:8080';
const COULD_NOT_ASK = 2;

/**
 * The credentials are sent to the new agent only.
 * @returns 0 when they differ only on purpose, 1 for other differences, 2 when one of them cannot be asked
 */
export async function compat(cli: CliEnvironment, flags: CompatFlags, old: string, fresh?: string): Promise<number> {
  let comparison: Comparison;
  try {
    const options = { containers: positive('--containers', flags.containers), rate: positive('--rate', flags.rate) };
    const targets = {
      old: targetOf(old, EXAMPLE),
      new: fresh === undefined ? ownAgent(cli) : targetOf(fresh, EXAMPLE),
    };
    comparison = await compareAgents(asker(targets.old, {}, cli), asker(targets.new, flags, cli), options);
  } catch (error) {
    cli.error(`tallyman: ${messageOf(error)}\n`);
    if (error instanceof TallymanError && error.hint !== undefined) cli.error(`    ${error.hint}\n`);
    return COULD_NOT_ASK;
  }
  cli.out(flags.json === true ? `${JSON.stringify(comparison)}\n` : reportOf(comparison));
  return comparison.differ.length === 0 ? EXIT.ok : EXIT.failure;
}

function ownAgent(cli: CliEnvironment): Target {
  const agent = onlyAgent(readNotes(cli.env), 'name one as NEW_URL');
  if (agent === undefined) {
    throw new TallymanError('no agent runs on this host', { hint: `tallyman compat OLD_URL ${EXAMPLE}` });
  }
  return targetOfAgent(agent);
}

function positive(flag: string, text: string): number {
  const number = Number(text);
  if (number > 0 && Number.isFinite(number)) return number;
  throw new TallymanError(`${flag}: expected a number above 0, found ${JSON.stringify(text)}`);
}

/** A closed connection counts as an answer, if the agent answers the next request. */
function asker(agent: Target, flags: AskFlags, cli: CliEnvironment): Ask {
  const session = new AgentSession(agent, flags, cli);
  const answer = async (target: string) => answered(await session.ask(at(agent, target)));
  return async (target) => {
    try {
      return await answer(target);
    } catch (error) {
      const { status } = await answer('/healthz').catch(() => ({ status: 0 }));
      if (status === 0) throw new TallymanError(`${nameOf(agent)} cannot be asked: ${messageOf(error)}`);
      return { status: 0, contentType: '', location: '', body: '' };
    }
  };
}

function at(agent: Target, target: string): Target {
  const prefix = agent.url.pathname.replace(/\/$/, '');
  return { ...agent, url: new URL(`${agent.url.origin}${prefix}${target}`) };
}

function answered({ status, text, headers }: Reply): Answered {
  return { status, contentType: headers['content-type'] ?? '', location: headers.location ?? '', body: text };
}

function reportOf({ questions, agree, onPurpose, differ, missingForDashboards, cost }: Comparison): string {
  const lines = [`${questions} questions: ${agree} answered alike by both`, ''];
  if (onPurpose.length > 0) {
    lines.push('Differs on purpose (docs/compatibility.md):');
    for (const { row, count, example } of onPurpose) {
      lines.push(`  ${row}: ${count} times, such as ${example.question}${placeOf(example.path)}`);
    }
    lines.push('');
  }
  if (differ.length > 0) {
    lines.push('Differs:');
    for (const each of differ) {
      const what = 'kind' in each ? `${each.kind}${placeOf(each.path)}` : `${each.family}: ${each.what}`;
      lines.push(`  ${each.question}  ${what}`, `    old: ${each.old}`, `    new: ${each.new}`);
    }
    lines.push('');
  }
  if (missingForDashboards.length > 0)
    lines.push(`Metrics that dashboards miss: ${missingForDashboards.join(', ')}`, '');
  lines.push(`Cost while asked  old: ${costText(cost.old)}`, `                  new: ${costText(cost.new)}`);
  lines.push(
    differ.length === 0 ? 'Nothing differs but on purpose.' : `${differ.length} differences are not explained.`,
  );
  return `${lines.join('\n')}\n`;
}

function placeOf(path: string): string {
  return path === '' ? '' : ` ${path}`;
}

function costText({ cpu, memory, scrapeSeconds }: Cost): string {
  const parts = [
    cpu === undefined ? 'CPU not known' : `${(cpu * 1000).toFixed(1)} ms of CPU per second`,
    memory === undefined ? 'memory not known' : `${(memory / 2 ** 20).toFixed(0)} MiB`,
    `/metrics in ${(scrapeSeconds * 1000).toFixed(0)} ms`,
  ];
  return parts.join(', ');
}
