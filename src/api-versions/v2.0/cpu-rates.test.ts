import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ByteWriter } from '../../kernel/contracts/bytes/index.js';
import type { Column, SampleCursor } from '../../kernel/contracts/index.js';
import { LayoutTable, SampleRing, SampleRow } from '../../kernel/history/index.js';
import { newCursor } from '../v1.0/index.js';
import { CpuRates } from './cpu-rates.js';

const layouts = new LayoutTable();

function columns(cpus: number): Column[] {
  const field = (name: string) => ({ name, unit: 'nanoseconds', kind: 'counter', help: name, source: {} }) as const;
  return [
    ...['total', 'user', 'system'].map((key) => ({ field: field(`cpu.usage.${key}`) })),
    ...Array.from({ length: cpus }, (_, cpu) => ({ field: field('cpu.usage.per_cpu'), labels: [String(cpu)] })),
  ];
}

/** A sample at `time` µs: total, user, system, then the CPUs. */
function sample(time: number, ...values: (bigint | number)[]): SampleCursor {
  return sampleOf(time, columns(values.length - 3), values);
}

function sampleOf(time: number, layout: Column[], values: (bigint | number)[]): SampleCursor {
  const row = new SampleRow();
  const ring = new SampleRing(1);
  row.begin(values.length);
  for (const [i, value] of values.entries()) {
    row.setExact(i, Number(value), Number(BigInt(value) - BigInt(Number(value))));
  }
  ring.push(layouts.intern(layout), time, row);
  return ring.window().at(0, newCursor());
}

function rates(last: SampleCursor, current: SampleCursor): string {
  const out = new ByteWriter();
  new CpuRates().write(out, last, current);
  return out.buffer.toString('latin1', 0, out.length);
}

it('nanocores are the increase divided by the elapsed time, truncated to an integer', () => {
  const [last, current] = [sample(1_000_000, 100, 10, 20, 60, 40), sample(1_300_000, 300_000_100, 1010, 20, 61, 40)];
  assert.equal(
    rates(last, current),
    ',"cpu_inst":{"usage":{"total":1000000000,"per_cpu_usage":[3,0],"user":3333,"system":0}}',
  );
});

it('rates of counters above 2^53 are exact', () => {
  const base = 2n ** 63n + 1n;
  const [last, current] = [sample(1e6, base, 0, 0), sample(2e6, base + 7n, 0, 0)];
  assert.equal(rates(last, current), ',"cpu_inst":{"usage":{"total":7,"user":0,"system":0}}');
});

it('there is no rate when one sample lacks the counters, a CPU was added or the clock was set back', () => {
  const last = sample(1e6, 5, 5, 5, 5);
  const without = sampleOf(1e6, [], []);
  assert.equal(rates(without, sample(2e6, 9e15, 6, 6)), '');
  assert.equal(rates(sample(1e6, 9e15, 6, 6), sampleOf(2e6, [], [])), '');
  assert.equal(rates(without, sampleOf(2e6, [], [])), '');
  assert.equal(rates(last, sampleOf(2e6, columns(2).toSpliced(3, 1), [6, 6, 6, 6])), '', 'CPU 1 in place of CPU 0');
  assert.equal(rates(last, sample(1e6 + 1, 1e9, 5, 5, 5)), '');
});

it('there is no rate when no time has elapsed, a counter decreased or is absent, or a CPU was added', () => {
  const last = sample(1e6, 5, 5, 5, 5);
  assert.equal(rates(last, sample(1e6, 6, 6, 6, 6)), '');
  assert.equal(rates(last, sample(2e6, 4, 6, 6, 6)), '');
  assert.equal(rates(last, sample(2e6, 6, 6, 6, 4)), '');
  assert.equal(rates(last, sample(2e6, 6, 6, 6, 6, 0)), '');
  const absent = sample(2e6, 6, 6, 6, 6);
  absent.values[absent.base] = Number.NaN;
  assert.equal(rates(last, absent), '');
});
