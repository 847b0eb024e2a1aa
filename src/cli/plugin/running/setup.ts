import { setTimeout as pause } from 'node:timers/promises';
import type { AgentConfig } from '../../../kernel/config/index.js';
import type { ContainerView, Plugin } from '../../../kernel/contracts/index.js';
import { TestAgent, type TestedPlugin } from '../../../testing/index.js';

/** A plugin to run once on this host. */
export interface RunSetup {
  readonly plugin: Plugin;
  /** The `with` block. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The container handlers of the configuration. */
  readonly handlers: readonly TestedPlugin[];
  /** Root of the host, from the configuration. */
  readonly host: AgentConfig['host'];
  /** Print everything, not only the first lines. */
  readonly all: boolean;
  /** The only path to request. */
  readonly request?: string;
  out(line: string): void;
  /** Prints a log line or fault of the plugin. */
  error(line: string): void;
}

/** Sources that give other plugins samples to show. */
export const BASIC_SOURCES = ['cpu', 'memory', 'network'];

/** Containers that are shown without `--all`. */
const MAX_CONTAINERS = 5;
/** Lines of an answer or a target that are shown without `--all`. */
const MAX_LINES = 20;
const POLL_INTERVAL_MS = 20;

interface AgentParts {
  /** Whether the container handlers of the configuration run. */
  readonly handlers: boolean;
  readonly builtins?: readonly string[];
  /** Whether the plugin itself runs in the agent; default true. */
  readonly tested?: boolean;
}

/**
 * Starts an agent on this host, on a free port, and stops it.
 * @returns whether the plugin had no faults
 * @throws TallymanError when it does not start
 */
export async function withHostAgent(
  setup: RunSetup,
  { handlers, builtins = [], tested = true }: AgentParts,
  use: (agent: TestAgent) => Promise<void>,
): Promise<boolean> {
  const { plugin, options, host } = setup;
  const agent = await TestAgent.start({
    plugins: [
      ...(handlers ? setup.handlers.filter((other) => other.plugin.name !== plugin.name) : []),
      ...(tested ? [{ plugin, with: options }] : []),
    ],
    builtins,
    config: { host },
  });
  try {
    await use(agent);
    return tested ? reportFaults(agent, setup) : true;
  } finally {
    await agent.stop();
  }
}

function reportFaults(agent: TestAgent, { plugin, error }: RunSetup): boolean {
  for (const { level, message } of agent.log) {
    if (level !== 'debug' && message.startsWith(`${plugin.name}: `)) error(`${level}: ${message}`);
  }
  const { errors, lastError } = agent.plugin(plugin.name);
  if (errors > 0)
    error(`the plugin failed ${errors === 1 ? 'once' : `${errors} times`}; the last time in ${lastError}`);
  return errors === 0;
}

/** The plugin's options after its schema parsed them; they are known to be valid. */
export function parsedOptions({ plugin, options }: RunSetup): unknown {
  return plugin.configSchema.safeParse(options).data;
}

/** `/docker/5f0e… (web)` */
function titleOf({ name, description }: Pick<ContainerView, 'name' | 'description'>): string {
  const title = description.aliases.length === 0 ? name : `${name} (${description.aliases.join(', ')})`;
  return title.replaceAll('\n', '\\n');
}

/**
 * Prints the first containers of a list: the machine, then those with an alias.
 * @param none printed instead of an empty list
 */
export function printContainers(
  list: readonly ContainerView[],
  setup: RunSetup,
  none: string,
  print: (container: ContainerView) => void,
): void {
  const rank = ({ name, description }: ContainerView) => (name === '/' ? 0 : description.aliases.length > 0 ? 1 : 2);
  const sorted = [...list].sort((a, b) => rank(a) - rank(b));
  const shown = setup.all ? sorted : sorted.slice(0, MAX_CONTAINERS);
  for (const container of shown) {
    setup.out(titleOf(container));
    print(container);
  }
  if (list.length > shown.length) {
    setup.out(`… and ${list.length - shown.length} more containers: --all shows them`);
  }
  if (list.length === 0) setup.out(none);
}

/** Prints indented lines; the first of many. */
export function printLines(lines: readonly string[], setup: RunSetup): void {
  const shown = setup.all ? lines : lines.slice(0, MAX_LINES);
  for (const line of shown) setup.out(`  ${line}`);
  if (lines.length > shown.length) setup.out(`  … and ${lines.length - shown.length} more lines: --all shows them`);
}

/** Waits until the condition holds, or the time is over. */
export async function waitFor(condition: () => boolean, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition() && performance.now() < deadline) await pause(POLL_INTERVAL_MS);
}
