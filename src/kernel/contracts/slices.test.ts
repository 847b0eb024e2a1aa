import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Slices, untilCommonMoment } from './slices.js';

it('a slice ends after its time; pauses are not counted as work', async () => {
  let now = 100;
  const slices = new Slices(4, () => now);
  now += 3;
  assert.equal(slices.isOver(), false);
  now += 1;
  assert.equal(slices.isOver(), true);
  const paused = slices.pause();
  now += 50;
  await paused;
  assert.equal(slices.isOver(), false);
  now += 2;
  assert.equal(slices.spentMs, 6);
});

it('a pause runs pending events', async () => {
  const order: string[] = [];
  setImmediate(() => order.push('other'));
  await new Slices().pause();
  order.push('work');
  assert.deepEqual(order, ['other', 'work']);
});

describe('common moments', () => {
  it('are an interval apart whenever the time to the next one is asked for, and the same for all', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e12, noNaN: true }), fc.constantFrom(100, 500, 1000), (now, interval) => {
        const wait = untilCommonMoment(interval, now);
        assert.ok(Number.isInteger(wait) && wait >= interval / 2 && wait <= 1.5 * interval, `${wait} ms`);
        const late = (now + wait + interval / 2) % interval;
        assert.ok(late < 1.001 || late > interval - 0.001, `${late} ms late`);
      }),
    );
  });
});
