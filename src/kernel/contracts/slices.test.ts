import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Slices } from './slices.js';

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
