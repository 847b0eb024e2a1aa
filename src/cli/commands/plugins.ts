import { localTarget, routeOf, type Target, textOf } from '../agent-client/index.js';
import type { CliEnvironment } from '../environment.js';
import type { AnswerFlags } from '../flags.js';
import { loadFor } from '../load.js';
import { availableRows, configuredRows, type PluginRow, tableOf } from '../plugin/list.js';

const ROUTE = '/api/plugins';

interface Listing {
  readonly title: string;
  readonly rows: readonly PluginRow[];
}

/**
 * `tallyman plugins`: lists the plugins of the agent at `url`, else of the agent on this host, else those that the
 * configuration would load, and the remaining built-in plugins.
 * @throws ConfigError, TallymanError
 */
export async function listPlugins(cli: CliEnvironment, flags: AnswerFlags): Promise<void> {
  const target = localTarget(flags, cli);
  const { title, rows } = target === undefined ? await configured(flags, cli) : await running(target, flags, cli);
  const all = [...rows, ...(await availableRows(rows))];
  cli.out(flags.json === true ? `${JSON.stringify(all, undefined, 2)}\n` : `${title}\n\n${tableOf(all)}`);
}

async function running(target: Target, flags: AnswerFlags, cli: CliEnvironment): Promise<Listing> {
  const text = await textOf(routeOf(target, ROUTE), flags, cli);
  const rows = JSON.parse(text) as PluginRow[];
  const where = target.socket === undefined ? target.url.origin : `unix:${target.socket}`;
  return { title: `The agent at ${where} has ${rows.length} plugins:`, rows };
}

async function configured(flags: AnswerFlags, cli: CliEnvironment): Promise<Listing> {
  const loaded = await loadFor(flags, cli);
  const what = loaded.file ?? 'the built-in configuration';
  return { title: `No agent was found; ${what} would load:`, rows: configuredRows(loaded) };
}
