import type { LoadedConfig } from '../../../kernel/config/index.js';
import type { Plugin } from '../../../kernel/contracts/index.js';
import { TestAgent } from '../../../testing/index.js';

/** A plugin to run once on this host. */
export interface RunSetup {
  readonly plugin: Plugin;
  /** The `with` block. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The configuration that names the root of the host, and the container handlers. */
  readonly loaded: Pick<LoadedConfig, 'config' | 'plugins'>;
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

/** Lines of an answer or a target that are shown without `--all`. */
const MAX_LINES = 20;

/**
 * Starts an agent on this host, on a free port, and stops it. A container handler has no other beside it, and a sink is
 * not in the agent itself.
 * @param builtins other plugins that run
 * @returns whether the plugin had no faults
 * @throws TallymanError when it does not start
 */
export async function withHostAgent(
  setup: RunSetup,
  builtins: readonly string[],
  use: (agent: TestAgent) => Promise<void>,
): Promise<boolean> {
  const { plugin, options, loaded } = setup;
  const others = loaded.plugins.filter((other) => other.plugin.kind === 'container-handler');
  const agent = await TestAgent.start({
    plugins: [
      ...(plugin.kind === 'container-handler' ? [] : others),
      ...(plugin.kind === 'sink' ? [] : [{ plugin, with: options }]),
    ],
    builtins,
    config: { host: loaded.config.host },
  });
  try {
    await use(agent);
    return plugin.kind === 'sink' || reportFaults(agent, setup);
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

/** Prints indented lines; the first of many. */
export function printLines(lines: readonly string[], setup: RunSetup): void {
  const shown = setup.all ? lines : lines.slice(0, MAX_LINES);
  for (const line of shown) setup.out(`  ${line}`);
  if (lines.length > shown.length) setup.out(`  … and ${lines.length - shown.length} more lines: --all shows them`);
}
