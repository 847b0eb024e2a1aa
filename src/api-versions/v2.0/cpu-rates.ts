import type { ByteWriter, Layout, SampleCursor } from '../../kernel/contracts/index.js';
import { PerLayout } from '../v1.0/index.js';

interface CpuColumns {
  readonly total: number;
  readonly user: number;
  readonly system: number;
  readonly perCpu: readonly number[];
}

const KEYS = ['total', 'user', 'system'] as const;

/** Instantaneous CPU usage between two adjacent samples (contract 9). */
export class CpuRates {
  private readonly columns = new PerLayout(findColumns);

  /** Writes `,"cpu_inst":{…}` in nanocores; nothing when a counter fell, time stood still or a CPU came or went. */
  write(out: ByteWriter, last: SampleCursor, current: SampleCursor): void {
    const from = this.columns.get(last.layout);
    const to = this.columns.get(current.layout);
    const elapsed = (current.time - last.time) * 1000;
    if (!(elapsed > 0) || from.perCpu.length !== to.perCpu.length) return;
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

function growth(last: SampleCursor, a: number, current: SampleCursor, b: number): number {
  return numberAt(current, b) - numberAt(last, a) + (residualAt(current, b) - residualAt(last, a));
}

function numberAt({ values, base }: SampleCursor, column: number): number {
  return column < 0 ? 0 : values[base + column]!;
}

function residualAt({ residuals, base }: SampleCursor, column: number): number {
  return column < 0 || residuals === undefined ? 0 : residuals[base + column]!;
}

function findColumns(layout: Layout): CpuColumns {
  return {
    total: layout.indexOf('cpu.usage.total'),
    user: layout.indexOf('cpu.usage.user'),
    system: layout.indexOf('cpu.usage.system'),
    perCpu: layout.indexesOf('cpu.usage.per_cpu'),
  };
}
