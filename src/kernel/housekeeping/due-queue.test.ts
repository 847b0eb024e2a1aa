import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { type Due, DueQueue } from './due-queue.js';

const step = fc.record({ item: fc.nat(9), due: fc.integer({ min: 0, max: 50 }), remove: fc.boolean() });

it('the first member is always the one due first, whatever is scheduled, moved and removed', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const items: Due[] = Array.from({ length: 10 }, () => ({ due: 0, place: -1 }));
      const queue = new DueQueue<Due>();
      for (const { item, due, remove } of steps) {
        const chosen = items[item]!;
        if (remove) queue.remove(chosen);
        else {
          chosen.due = due;
          queue.schedule(chosen);
        }
        const inside = items.filter(({ place }) => place >= 0);
        assert.equal(queue.size, inside.length);
        assert.equal(queue.first()?.due, inside.length === 0 ? undefined : Math.min(...inside.map((i) => i.due)));
      }
    }),
  );
});
