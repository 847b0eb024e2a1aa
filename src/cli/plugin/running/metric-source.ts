import type { AgentView, ContainerView, SampleCursor } from '../../../kernel/contracts/index.js';
import { nameOf } from '../../../testing/index.js';
import { fewOf, printLines, type RunSetup, sayRest, titleOf, withHostAgent } from './setup.js';

/** Prints the numbers that a metric source gives for some containers. */
export function runMetricSource(setup: RunSetup): Promise<boolean> {
  return withHostAgent(setup, { handlers: true }, async ({ view }) => {
    const containers = view.containers();
    const measured = containers.filter((container) => rowsOf(container).length > 0);
    const few = fewOf(measured, setup);
    for (const container of few) {
      setup.out(titleOf(container));
      printLines(rowsOf(container), setup);
    }
    sayRest(measured.length, few.length, 'containers', setup);
    if (measured.length === 0)
      setup.out(`It has no numbers for any of the ${containers.length} containers of this host.`);
    sayMissing(view, setup);
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

/** Above 2^53 a number is the sum of a double and what is missing to the integer. */
function exactly(value: number, residual = 0): string {
  return Number.isSafeInteger(value) || !Number.isInteger(value)
    ? String(value)
    : String(BigInt(value) + BigInt(residual));
}

/** What the source says that it cannot give, and why; what the host lacks otherwise does not belong here. */
function sayMissing(view: AgentView, { plugin, out }: RunSetup): void {
  const own = new Set([plugin.name, ...view.fields().map(({ name }) => name)]);
  const containers = view.containers();
  const reasons = new Map<string, number>();
  for (const { what, reason } of containers.flatMap(({ missing }) => missing)) {
    if (own.has(what)) reasons.set(`${what}: ${reason}`, (reasons.get(`${what}: ${reason}`) ?? 0) + 1);
  }
  for (const [text, times] of reasons) out(`missing in ${times} of ${containers.length} containers: ${text}`);
}
