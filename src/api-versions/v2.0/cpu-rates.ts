import type { ByteWriter } from '../../kernel/contracts/bytes/index.js';
import type { Layout, SampleCursor } from '../../kernel/contracts/index.js';
import { PerLayout } from '../v1.0/index.js';

interface CpuColumns {
  readonly total: number;
  readonly user: number;
  readonly system: number;
  readonly perCpu: readonly number[];
  /** Identifies the set of CPUs. */
  readonly cpus: string;
}

/** Minimum time between two samples, µs; it is 1 µs when the clock was set back between them. */
const SHORTEST = 10_000;
const KEYS = ['total', 'user', 'system'] as const;

/** Instantaneous CPU usage between two adjacent samples. */
export class CpuRates {
  private readonly columns = new PerLayout(findColumns);

  /**
   * Writes `,"cpu_inst":{…}` in nanocores; nothing when a counter is missing or decreased, no time elapsed, or a CPU was
   * added or removed.
   */
  write(out: ByteWriter, last: SampleCursor, current: SampleCursor): void {
    const from = this.columns.get(last.layout);
    const to = this.columns.get(current.layout);
    if (!(current.time - last.time >= SHORTEST) || from.cpus !== to.cpus || to.total < 0) return;
    const elapsed = (current.time - last.time) * 1000;
    for (const key of KEYS) if (!(growth(last, from[key], current, to[key]) >= 0)) return;
    for (let i = 0; i < to.perCpu.length; i++) {
      if (!(growth(last, from.perCpu[i]!, current, to.perCpu[i]!) >= 0)) return;
    }
    const rate = (a: number, b: number): void => out.integer(Math.floor((growth(last, a, current, b) / elapsed) * 1e9));
    out.ascii(',"cpu_inst":{"usage":{"total":');
    rate(from.total, to.total);
    for (let i = 0; i < to.perCpu.length; i++) {
      out.ascii(i === 0 ? ',"per_cpu_usage":[' : ',');
      rate(from.perCpu[i]!, to.perCpu[i]!);
    }
    out.ascii(to.perCpu.length === 0 ? ',"user":' : '],"user":');
    rate(from.user, to.user);
    out.ascii(',"system":');
    rate(from.system, to.system);
    out.ascii('}}');
  }
}

/** @returns NaN when only one of the two has the counter, 0 when none has */
function growth(last: SampleCursor, a: number, current: SampleCursor, b: number): number {
  if (a < 0 !== b < 0) return Number.NaN;
  return numberAt(current, b) - numberAt(last, a) + (residualAt(current, b) - residualAt(last, a));
}

function numberAt({ values, base }: SampleCursor, column: number): number {
  return column < 0 ? 0 : values[base + column]!;
}

function residualAt({ residuals, base }: SampleCursor, column: number): number {
  return column < 0 || residuals === undefined ? 0 : residuals[base + column]!;
}

function findColumns(layout: Layout): CpuColumns {
  const perCpu = layout.indexesOf('cpu.usage.per_cpu');
  return {
    total: layout.indexOf('cpu.usage.total'),
    user: layout.indexOf('cpu.usage.user'),
    system: layout.indexOf('cpu.usage.system'),
    perCpu,
    cpus: perCpu.map((index) => layout.columns[index]!.labels).join(),
  };
}
