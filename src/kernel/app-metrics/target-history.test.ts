import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { AppMetricSample, AppMetricsSnapshot } from '../contracts/index.js';
import { TargetHistory } from './target-history.js';

const ROOMY = { metrics: 100, series: 1000, bytes: 4 * 1024 * 1024 };
const add = (history: TargetHistory, time: number, samples: readonly AppMetricSample[], budget = ROOMY) =>
  history.add({ specs: [], samples }, time, budget);
const exact = ({ series, values, residuals }: AppMetricsSnapshot) =>
  series.map(({ name, label }, i) => [name, label, BigInt(values[i]!) + BigInt(residuals?.[i] ?? 0)]);

describe('TargetHistory', () => {
  it('keeps 64-bit integers exactly, and larger ones as doubles', () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { maxLength: 20 }), (values) => {
        const history = new TargetHistory(1000);
        add(
          history,
          1,
          values.map((value, i) => ({ name: `m${String(i).padStart(2, '0')}`, value })),
        );
        assert.deepEqual(
          exact(history.at(1)!).map(([, , value]) => value),
          values,
        );
      }),
    );
    const history = new TargetHistory(1000);
    add(history, 1, [{ name: 'huge', value: 2n ** 70n }]);
    assert.deepEqual([history.at(1)!.series[0]!.format, history.at(1)!.values[0]], ['float', 2 ** 70]);
  });

  it('sorts series by name, and the label text by pairs including the name', () => {
    const history = new TargetHistory(1000);
    add(history, 1, [
      { name: 'b', labels: { z: '1', A: '2' }, value: 1 },
      { name: 'a', value: 2n },
      { name: 'b', labels: {}, value: 3 },
    ]);
    assert.deepEqual(
      history.at(1)!.series.map(({ name, label }) => [name, label]),
      [
        ['a', ''],
        ['b', 'A=2\ufffd__name__=b\ufffdz=1'],
        ['b', '__name__=b'],
      ],
    );
  });

  it('shares the list of series between collections, whatever their order', () => {
    const history = new TargetHistory(1000);
    const one = (n: number): AppMetricSample => ({ name: 'm', labels: { n: String(n) }, value: n });
    const [x, y] = [one(1), one(2)];
    add(history, 1, [x, y]);
    add(history, 2, [{ ...x, value: 5 }, y]);
    assert.equal(history.at(2)!.series, history.at(1)!.series);
    assert.equal(history.at(2)!.values[0], 5);
    add(history, 3, [x]);
    assert.equal(history.at(3)!.series.length, 1);
    add(history, 4, [{ ...x, labels: { n: '1', more: '' } }]);
    assert.notEqual(history.at(4)!.series, history.at(3)!.series);
  });

  it('keeps the first series within the limits and one of each duplicate, and counts the others', () => {
    const history = new TargetHistory(1000);
    const series = (name: string, n: number) => ({ name, labels: { n: String(n) }, value: n });
    add(history, 1, [series('a', 1), series('b', 1), series('c', 1), series('a', 2), series('a', 3)], {
      metrics: 2,
      series: 3,
      bytes: 4 * 1024 * 1024,
    });
    assert.deepEqual(
      exact(history.at(1)!).map(([name]) => name),
      ['a', 'a', 'b'],
    );
    assert.equal(history.arrangement!.dropped, 2);
    add(history, 2, [series('a', 1), { ...series('a', 1), value: 9 }]);
    assert.deepEqual([history.at(2)!.values[0], history.arrangement!.duplicates], [1, 1]);
  });

  it('drops series with too many or too long labels', () => {
    const history = new TargetHistory(1000);
    const labelled = (count: number, value = '') => ({
      name: `labels${count}`,
      labels: Object.fromEntries(Array.from({ length: count }, (_, i) => [`l${i}`, value])),
      value: 1,
    });
    add(history, 1, [labelled(100), labelled(101), labelled(1, 'v'.repeat(4000)), labelled(2, 'v'.repeat(2100))]);
    assert.deepEqual(
      exact(history.at(1)!).map(([name]) => name),
      ['labels1', 'labels100'],
    );
    assert.equal(history.arrangement!.dropped, 2);
  });

  it('sorts series by the bytes of their names', () => {
    const history = new TargetHistory(1000);
    const names = ['\u{1f600}', '\uffee', 'é', 'b', 'a\u{1f600}', 'a'];
    add(
      history,
      1,
      names.map((name) => ({ name, value: 1 })),
    );
    const sorted = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    assert.deepEqual(
      exact(history.at(1)!).map(([name]) => name),
      sorted,
    );
  });

  it('values are current until newer ones are added or the target fails', () => {
    const history = new TargetHistory(1000);
    add(history, 10, [{ name: 'a', value: 1 }]);
    history.markStale(20);
    add(history, 30, [{ name: 'a', value: 3 }]);
    const at = (time: number) => history.at(time)?.values[0];
    assert.deepEqual(
      [at(9), at(10), at(19), at(20), at(29), at(30), at(99)],
      [undefined, 1, 1, undefined, undefined, 3, 3],
    );
  });

  it('removes values older than the history, except those current at its beginning', () => {
    const history = new TargetHistory(100);
    for (let time = 0; time <= 300; time += 40) add(history, time, [{ name: 'a', value: time }]);
    assert.deepEqual(
      history.all().map(({ time }) => time),
      [160, 200, 240, 280],
    );
    assert.equal(history.at(180)!.values[0], 160);
  });

  it('restarts when the clock is set back, and corrects a small step', () => {
    const second = 1_000_000;
    const history = new TargetHistory(120 * second);
    const take = (time: number) => add(history, time * second, [{ name: 'a', value: time }]);
    for (let time = 5000; time < 5200; time++) take(time);
    assert.equal(history.all().length, 121);
    for (let time = 1600; time < 4900; time++) {
      take(time);
      assert.ok(history.all().length <= 121, `${history.all().length} entries`);
    }
    const times = history.all().map(({ time }) => time);
    assert.deepEqual(
      times,
      [...times].sort((a, b) => a - b),
    );
    assert.equal(history.at(4899 * second)!.values[0], 4899);
    add(history, 4898.5 * second, [{ name: 'a', value: 7 }]);
    assert.deepEqual(
      history
        .all()
        .slice(-2)
        .map(({ time }) => time),
      [4899 * second, 4899 * second + 1],
    );
  });

  it('applies another duration from the next collection on', () => {
    const history = new TargetHistory(100);
    for (let time = 0; time <= 300; time += 20) add(history, time, [{ name: 'a', value: time }]);
    history.duration = 40;
    add(history, 320, [{ name: 'a', value: 320 }]);
    assert.deepEqual(
      history.all().map(({ time }) => time),
      [280, 300, 320],
    );
  });

  it('limits the memory of series that are new in each collection', () => {
    const history = new TargetHistory(Number.POSITIVE_INFINITY);
    for (let time = 1; time <= 60; time++) {
      add(
        history,
        time,
        Array.from({ length: 500 }, (_, i) => ({
          name: 'a',
          labels: { x: `${time}-${i}-${'y'.repeat(200)}` },
          value: i,
        })),
      );
    }
    assert.ok(history.all().length < 15, `${history.all().length} kept`);
    assert.equal(history.all().at(-1)!.time, 60);
    add(history, 61, [{ name: 'a', labels: { x: 'z'.repeat(5000) }, value: 1 }]);
    assert.equal(history.arrangement!.dropped, 1);
  });

  it('drops times that are out of range', () => {
    const history = new TargetHistory(1000);
    add(history, 1, [
      { name: 'a', value: 1, time: 1e300 },
      { name: 'b', value: 1, time: -5 },
      { name: 'c', value: 1, time: 7 },
    ]);
    assert.deepEqual([...history.at(1)!.times!], [Number.NaN, Number.NaN, 7]);
  });
});
