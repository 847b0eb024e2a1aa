import type { AgentView, ContainerView, SampleCursor } from '../../../kernel/contracts/index.js';
import { nameOf } from '../../../testing/index.js';
import { printContainers, printLines, type RunSetup, withHostAgent } from './setup.js';

/** Prints the latest samples of a metric source. */
export function runMetricSource(setup: RunSetup): Promise<boolean> {
  return withHostAgent(setup, { handlers: true }, async ({ view }) => {
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
