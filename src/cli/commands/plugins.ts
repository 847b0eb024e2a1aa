import type { LoadedConfig } from '../../kernel/config/index.js';
import type { z } from '../../kernel/contracts/index.js';
import { builtinPlugins } from '../../plugins/builtins.js';
import type { plugins } from '../../plugins/endpoints/plugins/schema.js';
import { localTarget, routeOf, type Target, textOf } from '../agent-client/index.js';
import { aligned } from '../aligned.js';
import type { CliEnvironment } from '../environment.js';
import type { AnswerFlags } from '../flags.js';
import { loadFor } from '../load.js';
import { agentVersion } from '../version.js';

const ROUTE = '/api/plugins';

type RunningRow = z.output<typeof plugins>[number];

/** A row of the list: an entry of `/api/plugins`, or a plugin that does not run, of which less is known. */
export interface PluginRow
  extends Pick<RunningRow, 'id' | 'name' | 'version' | 'source'>,
    Partial<Omit<RunningRow, 'id' | 'name' | 'version' | 'source' | 'state'>> {
  /** Without a running agent: `configured`, `broken` (cannot be loaded), or `available` (built in, not configured). */
  readonly state: RunningRow['state'] | 'configured' | 'broken' | 'available';
}

type Listing = readonly [title: string, rows: readonly PluginRow[]];

/** Lists the plugins of the agent, else those that the configuration would load, and the remaining built-in plugins. */
export async function listPlugins(cli: CliEnvironment, flags: AnswerFlags): Promise<void> {
  const target = localTarget(flags, cli);
  const [title, rows] = target === undefined ? await configured(flags, cli) : await running(target, flags, cli);
  const all = [...rows, ...(await availableRows(rows))];
  cli.out(flags.json === true ? `${JSON.stringify(all, undefined, 2)}\n` : `${title}\n\n${tableOf(all)}`);
}

async function running(target: Target, flags: AnswerFlags, cli: CliEnvironment): Promise<Listing> {
  const rows = JSON.parse(await textOf(routeOf(target, ROUTE), flags, cli)) as PluginRow[];
  const where = target.socket === undefined ? target.url.origin : `unix:${target.socket}`;
  return [`The agent at ${where} has ${rows.length} plugins:`, rows];
}

async function configured(flags: AnswerFlags, cli: CliEnvironment): Promise<Listing> {
  const loaded = await loadFor(flags, cli);
  const what = loaded.file ?? 'the built-in configuration';
  return [`No agent was found; ${what} would load:`, configuredRows(loaded)];
}

/** The plugins that a configuration names. */
function configuredRows({ config, plugins, warnings }: LoadedConfig): PluginRow[] {
  return config.plugins.map(({ id = '', use }): PluginRow => {
    const plugin = plugins.find((each) => each.id === id)?.plugin;
    if (plugin === undefined) {
      const prefix = `plugin ${id}: `;
      const warning = warnings.find((each) => each.startsWith(prefix)) ?? '';
      return { id, name: use, version: '', source: use, state: 'broken', last_error: warning.slice(prefix.length) };
    }
    const { kind, name, version = Object.hasOwn(builtinPlugins, use) ? agentVersion() : '' } = plugin;
    return { id, kind, name, version, source: use, state: 'configured' };
  });
}

/** Built-in plugins that are not among `rows`. */
async function availableRows(rows: readonly PluginRow[]): Promise<PluginRow[]> {
  const used = new Set(rows.map(({ source }) => source));
  const others = Object.entries(builtinPlugins).filter(([name]) => !used.has(name));
  return Promise.all(
    others.map(async ([source, load]): Promise<PluginRow> => {
      const { kind, name, version = agentVersion() } = await load();
      return { id: source, kind, name, version, source, state: 'available' };
    }),
  );
}

const MEBIBYTE = 2 ** 20;

interface Column {
  readonly title: string;
  readonly isNumber?: boolean;
  text(row: PluginRow): string;
}

const IDENTITY_COLUMNS: readonly Column[] = [
  { title: 'PLUGIN', text: ({ id }) => id },
  { title: 'KIND', text: ({ kind = '' }) => kind },
  { title: 'VERSION', text: ({ version }) => version },
  { title: 'STATE', text: ({ state }) => state },
];
const COST_COLUMNS: readonly Column[] = [
  { title: 'CALLS', isNumber: true, text: ({ calls }) => (calls === undefined ? '' : String(calls)) },
  { title: 'TIME', isNumber: true, text: ({ busy_ms }) => (busy_ms === undefined ? '' : `${busy_ms.toFixed(1)} ms`) },
  { title: 'PER CALL', isNumber: true, text: perCall },
  { title: 'ERRORS', isNumber: true, text: ({ errors }) => (errors === undefined ? '' : String(errors)) },
];

function perCall({ calls = 0, busy_ms = 0 }: PluginRow): string {
  return calls === 0 ? '' : `${((busy_ms * 1000) / calls).toFixed(1)} µs`;
}

/** Formats a table for people. Columns about cost are left out when no plugin runs. */
export function tableOf(rows: readonly PluginRow[]): string {
  const columns = rows.some(({ calls }) => calls !== undefined)
    ? [...IDENTITY_COLUMNS, ...COST_COLUMNS]
    : IDENTITY_COLUMNS;
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => columns.map(({ text }) => text(row)))];
  const [head, ...lines] = aligned(cells, (column) => columns[column]!.isNumber === true);
  const body = rows.flatMap((row, i) => [lines[i], ...remarksOn(row).map((text) => `  ${text}`)]);
  return `${[head, ...body].join('\n')}\n`;
}

function remarksOnSink({ failure, queue, sent, dropped }: NonNullable<PluginRow['sink']>): string[] {
  const drops = Object.entries(dropped).map(([reason, points]) => `${points} ${reason.replaceAll('_', ' ')}`);
  const since = queue.oldest === undefined ? '' : ` since ${queue.oldest}`;
  const counts = [
    `data points: ${sent.points} sent`,
    `${queue.points} waiting${since}`,
    drops.length === 0 ? '0 dropped' : `dropped: ${drops.join(', ')}`,
  ];
  return [
    counts.join(', '),
    ...(failure === undefined ? [] : [`cannot deliver: ${failure}`]),
    ...(queue.disk_error === undefined ? [] : [`keeps batches in memory: ${queue.disk_error}`]),
  ];
}

function remarksOn({ isolation, blocked, sink, last_error, last_error_at }: PluginRow): string[] {
  const remarks: string[] = sink === undefined ? [] : remarksOnSink(sink);
  if (isolation !== undefined) {
    const { pid, restarts, memory_bytes } = isolation;
    const process = pid === undefined ? 'its process is being started' : `in process ${pid}`;
    const times = `${restarts} restart${restarts === 1 ? '' : 's'}`;
    remarks.push(`${process}, ${(memory_bytes / MEBIBYTE).toFixed(1)} MiB, ${times}`);
  }
  if (blocked !== undefined) {
    const { count, longest_ms, last_in, last_at } = blocked;
    remarks.push(
      `calls that blocked the agent: ${count}, the longest ${longest_ms} ms; the last in ${last_in}, ${last_at}`,
    );
  }
  if (last_error !== undefined) {
    remarks.push(`last error${last_error_at === undefined ? '' : `, ${last_error_at}`}: ${last_error}`);
  }
  return remarks;
}
