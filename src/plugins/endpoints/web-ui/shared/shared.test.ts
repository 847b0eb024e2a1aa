import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { CHARTS, drawChart, HEIGHT, WIDTH } from './charts.js';
import { present } from './presentation.js';
import { coresOf, merged, QUANTITIES, type Quantity, type Reading, rateOf, recent } from './reading.js';
import { byteRate, bytes, cores, percent } from './units.js';

const NOTHING = Object.fromEntries(QUANTITIES.map((quantity) => [quantity, Number.NaN])) as Record<Quantity, number>;
const reading = (time: number, numbers: Partial<Record<Quantity, number>>): Reading => ({
  ...NOTHING,
  ...numbers,
  time,
});
const chart = (id: string) => CHARTS.find((kind) => kind.id === id)!;

it('numbers in the units of the field, with the digits that matter', () => {
  assert.deepEqual([0, 999, 1023, 1023.6, 1536, 10.55 * 2 ** 20, 2 ** 30, 312.4 * 2 ** 30].map(bytes), [
    '0 B',
    '999 B',
    '1023 B',
    '1 KiB',
    '1.5 KiB',
    '10.6 MiB',
    '1 GiB',
    '312 GiB',
  ]);
  assert.deepEqual([0, 0.0123, 0.25, 1, 1.234, 12.34].map(cores), [
    '0 cores',
    '0.012 cores',
    '0.25 cores',
    '1 core',
    '1.23 cores',
    '12.3 cores',
  ]);
  assert.deepEqual([byteRate(2048), percent(12.345), percent(99.97)], ['2 KiB/s', '12.3 %', '100 %']);
  for (const format of [bytes, byteRate, cores, percent]) {
    assert.deepEqual([format(Number.NaN), format(Number.POSITIVE_INFINITY)], ['–', '–']);
  }
});

it('a rate needs two readings, time between them and a counter that grew', () => {
  const first = reading(1000, { cpu: 5e9, received: 100 });
  const second = reading(3000, { cpu: 6e9, received: 50 });
  assert.equal(coresOf(first, second), 0.5);
  for (const [last, current] of [
    [undefined, second],
    [first, undefined],
    [second, second],
  ]) {
    assert.equal(rateOf('cpu', last, current), Number.NaN);
  }
  assert.equal(rateOf('received', first, second), Number.NaN, 'a counter that began anew');
  assert.equal(rateOf('sent', first, second), Number.NaN);
});

it('a rate needs two readings that are not made 1 µs apart by a clock that was set back', () => {
  const first = reading(1000, { cpu: 5e9 });
  assert.equal(rateOf('cpu', first, reading(1000.001, { cpu: 6e9 })), Number.NaN);
  assert.equal(rateOf('cpu', first, reading(1010, { cpu: 5e9 + 1 })), 100);
});

it('readings are added to those known, and replace them when the clock was set back', () => {
  const known = [reading(1_000_000, {}), reading(1_001_000, {})];
  const times = (readings: readonly Reading[]) => readings.map(({ time }) => time);
  assert.deepEqual(
    times(merged(known, [reading(1_001_000, {}), reading(1_002_000, {})])),
    [1_000_000, 1_001_000, 1_002_000],
  );
  assert.deepEqual(times(merged(known, [])), [1_000_000, 1_001_000]);
  assert.deepEqual(times(merged(known, [reading(500_000, {}), reading(501_000, {})])), [500_000, 501_000]);
});

it('a chart: the newest at the right edge, a gap where nothing is known, the limit where it is near', () => {
  const readings = [
    reading(0, { workingSet: 1024 ** 2 }),
    reading(60_000, { workingSet: 2 * 1024 ** 2 }),
    reading(90_000, {}),
    reading(120_000, { workingSet: 4 * 1024 ** 2 }),
  ];
  const drawn = drawChart(chart('memory'), readings, { memory: 4.7 * 1024 ** 2 });
  assert.equal(drawn.top, '5 MiB');
  assert.deepEqual(
    [drawn.series[0]!.line, drawn.series[0]!.text, drawn.series[1]!.text],
    [`M0 96L300 72M${WIDTH} 24`, '4 MiB', '–'],
  );
  assert.equal(drawn.series[0]!.area, `M0 ${HEIGHT}L0 96L300 72L300 ${HEIGHT}ZM600 120L600 24L600 120Z`);
  assert.deepEqual(drawn.limit, { text: '4.7 MiB', line: 'M0 7.2L600 7.2' });
  assert.equal(drawChart(chart('memory'), readings, { memory: 2 ** 40 }).limit!.line, '', 'far above');
  assert.equal(drawChart(chart('cpu'), [], {}).top, '0.1 cores');
  assert.equal(drawChart(chart('pressure'), [reading(0, { cpuPressure: 99 })], {}).top, '100 %', 'there is no more');
});

it('whatever the samples say, charts stay within their box', () => {
  const number = fc.oneof(fc.double({ min: 0, max: 1e19, noNaN: false }), fc.integer({ min: 0, max: 1000 }));
  const numbers = fc.record(Object.fromEntries(QUANTITIES.map((quantity) => [quantity, number])));
  const limit = fc.option(fc.double({ min: 1e-3, max: 1e18, noNaN: true }), { nil: undefined });
  fc.assert(
    fc.property(fc.array(numbers, { maxLength: 130 }), limit, (samples, memory) => {
      const readings = samples.map((sample, index) => reading(index * 1000, sample));
      const { charts } = present(readings, memory === undefined ? {} : { memory, cores: memory });
      for (const { series, limit: line } of charts) {
        for (const path of [...series.flatMap((each) => [each.line, each.area]), line?.line ?? '']) {
          assert.match(path, /^[MLZ0-9. ]*$/);
          for (const [, x, y] of path.matchAll(/[ML](\S+) ([\d.]+)/g)) {
            assert.ok(Number(x) >= 0 && Number(x) <= WIDTH && Number(y) >= 0 && Number(y) <= HEIGHT, path);
          }
        }
      }
    }),
  );
});

it('only the last two minutes are shown, and the share of periods that were held back', () => {
  const readings = [
    reading(0, { workingSet: 1, periods: 0, throttledPeriods: 0 }),
    reading(119_000, { workingSet: 1, periods: 10, throttledPeriods: 0 }),
    reading(121_000, { workingSet: 256, periods: 30, throttledPeriods: 5 }),
  ];
  assert.equal(recent(readings).length, 2);
  const { memoryShare, memoryText, throttledText } = present(readings, { memory: 1024 });
  assert.deepEqual([memoryShare, memoryText], [0.25, '256 B of 1 KiB (25 %)']);
  assert.equal(throttledText, 'held back in 25 % of the periods');
  assert.deepEqual(present([], {}), {
    time: 0,
    charts: [],
    memoryShare: undefined,
    memoryText: '–',
    throttledText: '–',
  });
});
