import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import type { Column, SampleCursor } from '../contracts/index.js';
import { LayoutTable, SampleRing, SampleRow } from './index.js';
import { MinuteLog, type MinuteValues } from './minute-log.js';

function column(name: string, ...labels: string[]): Column {
  const field = { name, unit: 'count', kind: 'gauge', help: '', source: {} } as const;
  return labels.length === 0 ? { field } : { field, labels };
}

const layouts = new LayoutTable();
const narrow = layouts.intern([column('a')]);
const broad = layouts.intern([column('a'), column('b', 'x'), column('b', 'y')]);

function rowOf(values: number[]): SampleRow {
  const row = new SampleRow();
  row.begin(values.length);
  for (const [index, value] of values.entries()) row.set(index, value);
  return row;
}

function read(ring: SampleRing, query = {}): number[][] {
  const window = ring.window(query);
  const cursor = { layout: narrow, time: 0, values: new Float64Array(), residuals: undefined, base: 0 } as SampleCursor;
  return Array.from({ length: window.length }, (_, index) => {
    const { time, values, base, layout } = window.at(index, cursor);
    return [time, ...values.subarray(base, base + layout.columns.length)];
  });
}

it('containers with the same columns share a layout', () => {
  assert.equal(layouts.intern([column('a')]), narrow);
  assert.notEqual(layouts.intern([column('a', 'x')]), narrow);
  assert.deepEqual(broad.indexesOf('b'), [1, 2]);
  assert.equal(broad.indexOf('c'), -1);
});

it('a ring keeps the same samples as a list filtered by age, for any pushes and layouts', () => {
  const pushes = fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.boolean(), fc.integer()), { maxLength: 300 });
  fc.assert(
    fc.property(pushes, (steps) => {
      const ring = new SampleRing(100);
      let expected: number[][] = [];
      let time = 0;
      for (const [gap, wide, value] of steps) {
        time += gap;
        const values = wide ? [value, 1, 2] : [value];
        ring.push(wide ? broad : narrow, time, rowOf(values));
        expected = [...expected.filter(([at]) => at! >= time - 100), [time, ...values]];
      }
      assert.deepEqual(read(ring), expected);
      assert.deepEqual(read(ring, { count: 3 }), expected.slice(-3));
      assert.deepEqual(read(ring, { count: 0 }), []);
      const from = time - 50;
      assert.deepEqual(
        read(ring, { start: from, end: time - 10 }),
        expected.filter(([at]) => at! >= from && at! <= time - 10),
      );
    }),
  );
});

it('a ring returns every number it was given, whichever columns vary, are absent or are beyond 2^53', () => {
  const six = layouts.intern(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => column(name)));
  const large = fc.constantFrom(
    2 ** 30,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 31 + 2,
    2 ** 40,
    2 ** 53,
    2 ** 60,
    -(2 ** 31),
    0.1,
    1.1,
  );
  const value = fc.oneof(fc.integer({ min: 0, max: 2 }), fc.constant(Number.NaN), large);
  const change = fc.record({ column: fc.nat(5), value, residual: fc.integer({ min: -2, max: 2 }) });
  const step = fc.record({ gap: fc.integer({ min: 1, max: 30 }), changes: fc.array(change, { maxLength: 3 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const ring = new SampleRing(200);
      const row = new SampleRow();
      let [time, expected] = [0, [] as [number, string[]][]];
      const [values, residuals] = [new Array<number>(6).fill(0), new Array<number>(6).fill(0)];
      for (const { gap, changes } of steps) {
        const before = expected.at(-1)?.[1].join();
        for (const { column, value, residual } of changes) {
          values[column] = value;
          residuals[column] = value >= 2 ** 53 ? residual : 0;
        }
        row.begin(6);
        for (let i = 0; i < 6; i++) row.setExact(i, values[i]!, residuals[i]!);
        time += gap;
        const texts = values.map((value, i) => `${value}+${residuals[i]}`);
        if (texts.join() === before && gap % 2 === 0) ring.repeat(time);
        else assert.equal(ring.push(six, time, row), texts.join() !== before);
        expected = [...expected.filter(([at]) => at >= time - 200), [time, texts]];
      }
      const window = ring.window();
      const cursor = {} as SampleCursor;
      const indexes = [...expected.keys(), ...[...expected.keys()].reverse()];
      for (const index of indexes) {
        const { values, residuals, base } = window.at(index, cursor);
        const texts = Array.from({ length: 6 }, (_, i) => `${values[base + i]}+${residuals?.[base + i] ?? 0}`);
        assert.deepEqual([cursor.time, texts], expected[index]);
      }
      assert.equal(window.length, expected.length);
    }),
  );
});

it('a ring needs no memory for columns that stand still, also when they varied before', () => {
  const wide = layouts.intern(Array.from({ length: 100 }, (_, i) => column(`c${i}`)));
  const ring = new SampleRing(100);
  const values = new Array<number>(100).fill(7);
  const sizeAfter = (rows: number, vary: (row: number) => void) => {
    for (let i = 0; i < rows; i++) {
      vary(i);
      ring.push(wide, ring.latestTime + 1, rowOf(values));
    }
    return ring.bytes;
  };
  const still = sizeAfter(300, () => {});
  const busy = sizeAfter(300, (row) => values.fill(row));
  assert.ok(still * 20 < busy, `${still} bytes where nothing changes, ${busy} where everything does`);
  assert.equal(
    sizeAfter(300, () => {}),
    still,
  );
});

it('a ring keeps counters in half the memory of other numbers, however long they grow', () => {
  const wide = layouts.intern(Array.from({ length: 40 }, (_, i) => column(`n${i}`)));
  const sizeAfter = (rows: number, at: (row: number) => number) => {
    const ring = new SampleRing(120);
    for (let i = 1; i <= rows; i++) ring.push(wide, i, rowOf(new Array<number>(40).fill(at(i))));
    const cursor = {} as SampleCursor;
    const window = ring.window();
    for (let i = 0; i < window.length; i++) {
      const { time, values, base } = window.at(i, cursor);
      assert.equal(values[base + 39], at(time));
    }
    return ring.bytes;
  };
  const fractions = sizeAfter(5_000, (row) => row / 3);
  const counters = sizeAfter(5_000, (row) => row * 10_000_000);
  assert.ok(counters < fractions * 0.6, `${counters} bytes of counters, ${fractions} of fractions`);
  const fast = sizeAfter(500, (row) => row * 100_000_000);
  assert.ok(fast >= fractions, 'larger differences are kept whole');
  const slowAgain = sizeAfter(5_000, (row) => (row < 2_000 ? row * 1e9 : 2e12 + row));
  assert.ok(slowAgain < fractions * 0.6, `${slowAgain} bytes of counters that were fast, ${fractions} of fractions`);
});

it('integers above 2^53 keep their residual, and rows without one need no memory for it', () => {
  const ring = new SampleRing(1e9);
  const row = rowOf([1]);
  ring.push(narrow, 1, row);
  const small = ring.bytes;
  row.begin(1);
  row.setScaled(0, 2 ** 53, 1, 1000);
  ring.push(narrow, 2, row);
  const cursor = {} as SampleCursor;
  assert.ok(ring.latest(cursor));
  const exact = BigInt(cursor.values[cursor.base]!) + BigInt(cursor.residuals![cursor.base]!);
  assert.equal(exact, (2n ** 53n + 1n) * 1000n);
  assert.ok(ring.bytes > small);
  row.begin(1);
  assert.equal(row.residuals[0], 0);
});

it('a ring shrinks when a container becomes idle', () => {
  const ring = new SampleRing(128);
  let time = 0;
  for (let i = 0; i < 128; i++) ring.push(narrow, ++time, rowOf([i]));
  const full = ring.bytes;
  for (let i = 0; i < 20; i++) {
    time += 60;
    ring.push(narrow, time, rowOf([i]));
  }
  assert.ok(ring.bytes * 4 < full, `${ring.bytes} of ${full} bytes`);
});

it('the minute log returns the newest values, with and without repeats', () => {
  const value = fc.oneof(fc.integer({ min: 0, max: 2 }), fc.constant(Number.NaN));
  const minutes = fc.array(value, { maxLength: 200 });
  fc.assert(
    fc.property(minutes, fc.integer({ min: 1, max: 100 }), (values, limit) => {
      const log = new MinuteLog(limit);
      for (const value of values) log.push([value, value + 1, 0, 0, 0, value * 2] satisfies MinuteValues);
      const kept = values.slice(-limit);
      assert.equal(log.length, kept.length);
      assert.deepEqual(log.column(0, limit), kept);
      assert.deepEqual(
        log.column(5, 10),
        kept.slice(-10).map((value) => value * 2),
      );
    }),
  );
});
