import { setTimeout as pause } from 'node:timers/promises';
import type {
  AgentView,
  AppMetricsSnapshot,
  AppSeries,
  AppTargetStatus,
  ContainerDescription,
  ContainerView,
  SampleCursor,
} from '../../../kernel/contracts/index.js';
import { nameOf } from '../../../testing/index.js';
import { printLines, type RunSetup, withHostAgent } from './setup.js';

/** Containers that are shown without `--all`. */
const MAX_CONTAINERS = 5;
/** Longer than any collection may take. */
const COLLECTION_TIMEOUT_MS = 10_000;
/** For handlers that wait for a daemon. */
const HANDLER_TIMEOUT_MS = 5_000;
const POLL_INTERVAL_MS = 20;

/** Prints the latest samples of a metric source. */
export function runMetricSource(setup: RunSetup): Promise<boolean> {
  return withHostAgent(setup, [], async ({ view }) => {
    const containers = view.containers();
    const measured = containers.filter((container) => rowsOf(container).length > 0);
    const none = `It has no numbers for any of the ${containers.length} containers of this host.`;
    printContainers(measured, setup, none, (container) => printLines(rowsOf(container), setup));
    printMissing(view, setup);
  });
}

/** Columns of the latest sample, `cpu.usage.per_cpu{0}  1200 nanoseconds`. */
function rowsOf(container: ContainerView): string[] {
  const window = container.samples({ count: 1 });
  if (window.length === 0) return [];
  const cursor = window.at(0, {} as SampleCursor);
  const { columns } = cursor.layout;
  const width = Math.max(0, ...columns.map((column) => nameOf(column).length));
  return columns.flatMap((column, index) => {
    const value = cursor.values[cursor.base + index]!;
    if (Number.isNaN(value)) return [];
    return [
      `${nameOf(column).padEnd(width)}  ${exactly(value, cursor.residuals?.[cursor.base + index])} ${column.field.unit}`,
    ];
  });
}

/** Above 2^53 an integer is the sum of a double and a residual. */
function exactly(value: number, residual = 0): string {
  return Number.isSafeInteger(value) || !Number.isInteger(value)
    ? String(value)
    : String(BigInt(value) + BigInt(residual));
}

/** Prints which fields of the source are missing, and why. */
function printMissing(view: AgentView, { plugin, out }: RunSetup): void {
  const own = new Set([plugin.name, ...view.fields().map(({ name }) => name)]);
  const containers = view.containers();
  const reasons = new Map<string, number>();
  for (const { what, reason } of containers.flatMap(({ missing }) => missing)) {
    if (own.has(what)) reasons.set(`${what}: ${reason}`, (reasons.get(`${what}: ${reason}`) ?? 0) + 1);
  }
  for (const [text, times] of reasons) out(`missing in ${times} of ${containers.length} containers: ${text}`);
}

/** Prints what an app-metrics plugin collects from the containers of this host, each target once. */
export function runAppMetrics(setup: RunSetup): Promise<boolean> {
  return withHostAgent(setup, [], async ({ view }) => {
    const isCollected = (container: ContainerView) => targetsOf(container).every(({ collections }) => collections > 0);
    await waitFor(() => view.pending().length === 0 && view.containers().every(isCollected), COLLECTION_TIMEOUT_MS);
    const containers = view.containers();
    const collected = containers.filter((container) => targetsOf(container).length > 0);
    const none = `It has no target in any of the ${containers.length} containers of this host.`;
    printContainers(collected, setup, none, (container) => printTargets(container, setup));
  });
}

function targetsOf(container: ContainerView): readonly AppTargetStatus[] {
  return container.appMetrics?.targets ?? [];
}

function printTargets(container: ContainerView, setup: RunSetup): void {
  for (const { name, error, problems, duration, dropped } of targetsOf(container)) {
    setup.out(`  target ${name}: ${error ?? `collected in ${duration.toFixed(1)} ms`}`);
    for (const problem of problems) setup.out(`  ${problem}`);
    if (dropped > 0) setup.out(`  ${dropped} samples left out because of the limits`);
  }
  const snapshots = container.appMetrics?.at(Date.now() * 1000) ?? [];
  printLines(snapshots.flatMap(samplesOf), setup);
}

/** `requests{path="/"} 12` */
function samplesOf({ series, values, residuals }: AppMetricsSnapshot): string[] {
  return series.map((one, index) => {
    const value = values[index]!;
    return `${seriesName(one)} ${one.format === 'int' ? exactly(value, residuals?.[index]) : value}`;
  });
}

function seriesName({ name, labels }: AppSeries): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return pairs.length === 0 ? name : `${name}{${pairs.join(',')}}`;
}

/** Prints the cgroups that a handler accepts, with their descriptions. No other handler runs. */
export function runContainerHandler(setup: RunSetup): Promise<boolean> {
  return withHostAgent(setup, [], async ({ view }) => {
    await waitFor(() => view.pending().length === 0, HANDLER_TIMEOUT_MS);
    const none = 'It takes none of the cgroups of this host.';
    printContainers(view.containers(), setup, none, ({ description }) => printLines(factsOf(description), setup));
    for (const { name, reason } of view.pending()) setup.out(`${name} waits: ${reason}`);
    for (const { name, version, apiVersion } of view.runtimes()) {
      setup.out(`runtime ${name} ${version}, API ${apiVersion}`);
    }
  });
}

/** A description without aliases, one member a line. */
function factsOf({ aliases: _, ...description }: ContainerDescription): string[] {
  return Object.entries(description)
    .filter(([, value]) => JSON.stringify(value) !== '{}')
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`);
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
function printContainers(
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

/** Waits until the condition holds, or the time is over. */
async function waitFor(condition: () => boolean, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition() && performance.now() < deadline) await pause(POLL_INTERVAL_MS);
}
