import type { AgentConfig } from '../../../kernel/config/index.js';
import type { ContainerView, Plugin } from '../../../kernel/contracts/index.js';
import { TestAgent, type TestedPlugin } from '../../../testing/index.js';

/** A plugin that is to be run once on this host, and how. */
export interface RunSetup {
  readonly plugin: Plugin;
  /** The `with` block. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The container handlers that the configuration has. */
  readonly handlers: readonly TestedPlugin[];
  /** Where the host is, as the configuration says. */
  readonly host: AgentConfig['host'];
  /** Print everything, not the first few. */
  readonly all: boolean;
  /** The one path that is to be asked for. */
  readonly request?: string;
  out(line: string): void;
  /** What the plugin says in its log, and what of it went wrong. */
  error(line: string): void;
}

/** Numbers that there is something to say about. */
export const BASIC_SOURCES = ['cpu', 'memory', 'network'];

/** Containers that are shown unless all are asked for. */
const FEW = 5;
/** Lines of an answer, or of a target, that are shown. */
const FEW_LINES = 20;

/** What takes part in the agent. */
interface Company {
  /** Whether containers are told apart as the configuration says; without it nothing but the plugin does. */
  readonly handlers: boolean;
  readonly builtins?: readonly string[];
  /** Whether the plugin itself takes part; default true. */
  readonly tested?: boolean;
}

/**
 * Starts an agent on this host, on a free port, and stops it.
 * @returns whether the plugin had no fault
 * @throws TallymanError when it does not start
 */
export async function withHostAgent(
  setup: RunSetup,
  { handlers, builtins = [], tested = true }: Company,
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
    return tested ? sayFaults(agent, setup) : true;
  } finally {
    await agent.stop();
  }
}

function sayFaults(agent: TestAgent, { plugin, error }: RunSetup): boolean {
  for (const { level, message } of agent.log) {
    if (level !== 'debug' && message.startsWith(`${plugin.name}: `)) error(`${level}: ${message}`);
  }
  const { errors, lastError } = agent.plugin(plugin.name);
  if (errors > 0)
    error(`the plugin failed ${errors === 1 ? 'once' : `${errors} times`}; the last time in ${lastError}`);
  return errors === 0;
}

/** What the plugin's schema makes of its options, which are known to be valid. */
export function parsedOptions({ plugin, options }: RunSetup): unknown {
  return plugin.configSchema.safeParse(options).data;
}

/** `/docker/5f0e… (web)` */
export function titleOf({ name, description }: Pick<ContainerView, 'name' | 'description'>): string {
  const title = description.aliases.length === 0 ? name : `${name} (${description.aliases.join(', ')})`;
  return title.replaceAll('\n', '\\n');
}

/** The first few of a list: the machine, then what has a name. */
export function fewOf(list: readonly ContainerView[], { all }: RunSetup): ContainerView[] {
  const rank = ({ name, description }: ContainerView) => (name === '/' ? 0 : description.aliases.length > 0 ? 1 : 2);
  const sorted = [...list].sort((a, b) => rank(a) - rank(b));
  return all ? sorted : sorted.slice(0, FEW);
}

export function sayRest(total: number, shown: number, what: string, { out }: RunSetup): void {
  if (total > shown) out(`… and ${total - shown} more ${what}: --all shows them`);
}

/** Lines below something, indented; the first few of many. */
export function printLines(lines: readonly string[], setup: RunSetup): void {
  const shown = setup.all ? lines : lines.slice(0, FEW_LINES);
  for (const line of shown) setup.out(`  ${line}`);
  if (lines.length > shown.length) setup.out(`  … and ${lines.length - shown.length} more lines: --all shows them`);
}
