import { messageOf, TallymanError } from '../../../kernel/contracts/index.js';
import { checkContract, contractSetup, runCases } from '../../../testing/index.js';
import { type FoundPlugin, findPlugin } from '../find.js';
import { type CheckJob, type CheckMessage, EXIT_TIMEOUT_MS, LOADING } from './run-checks.js';

/** Lines of a stack trace that are shown. */
const STACK_LINES = 4;

function send(message: CheckMessage): void {
  process.send!(message);
}

function result(check: string, problems: readonly string[], remark?: string): void {
  send({ type: 'result', result: { check, problems, ...(remark !== undefined && { remark }) } });
}

/** Checks a plugin in this process, so that the plugin cannot affect the command that prints the results. */
async function perform({ path, directory, options, update }: CheckJob): Promise<void> {
  send({ type: 'checking', check: LOADING });
  const found = await load(path, directory);
  if (found === undefined) return;
  const { plugin, module, folder } = found;
  send({ type: 'plugin', kind: plugin.kind, name: plugin.name, module });
  result(LOADING, []);
  await checkContract(plugin, {
    ...setupOf(folder, options),
    onCheck: (check) => send({ type: 'checking', check }),
    onFinding: ({ check, problems, remark }) => result(check, problems, remark),
  });
  const onCase = (name: string) => send({ type: 'checking', check: `test case ${name}` });
  for (const { name, problem, updated } of await runCases(plugin, folder, { update, onCase })) {
    result(`test case ${name}`, problem === undefined ? [] : [problem], updated && 'written anew');
  }
}

async function load(path: string, directory: string): Promise<FoundPlugin | undefined> {
  try {
    return await findPlugin(path, directory);
  } catch (error) {
    result(LOADING, [explain(error)]);
    return undefined;
  }
}

function explain(error: unknown): string {
  if (!(error instanceof TallymanError)) return error instanceof Error ? (error.stack ?? error.message) : String(error);
  if (error.hint !== undefined) return `${error.message}\n${error.hint}`;
  const { cause } = error;
  const stack = cause instanceof Error ? (cause.stack ?? '').split('\n').slice(0, STACK_LINES) : [];
  return [error.message, ...stack].join('\n');
}

/** Options and containers of the test cases; `options` take precedence. */
function setupOf(folder: string, options: CheckJob['options']): Parameters<typeof checkContract>[1] {
  try {
    const setup = contractSetup(folder);
    return options === undefined ? setup : { ...setup, with: options };
  } catch (error) {
    result('its test cases can be read', [messageOf(error)]);
    return options === undefined ? {} : { with: options };
  }
}

/** Reports what keeps the process running, and ends it. */
function endByForce(): void {
  // Pipes may be this process's own: its output and the channel to the parent.
  const kinds = process.getActiveResourcesInfo().filter((kind) => kind !== 'PipeWrap');
  const left = kinds.length === 0 ? '' : `: ${[...new Set(kinds)].sort().join(', ')}`;
  result('ends', [`something that the plugin left keeps the process running${left}`]);
  process.once('disconnect', () => process.exit());
  process.disconnect();
}

await perform(JSON.parse(process.argv[2]!) as CheckJob);
send({ type: 'done' });
process.channel!.unref();
// Here and not in the parent process: on a busy host a process may end late although nothing keeps it running.
setTimeout(endByForce, EXIT_TIMEOUT_MS).unref();
