import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { Phases } from './phases.js';

it('puts the first containers at one moment of each interval, and many evenly over it', () => {
  const scenario = fc.property(
    fc.integer({ min: 1, max: 60_000 }),
    fc.double({ min: 0, max: 1e9, noNaN: true }),
    (interval, now) => {
      const phases = new Phases();
      const nextPart = (): number => {
        const due = phases.next(now, interval);
        assert.ok(due <= now && due > now - interval * 1.001, `${due} is not in the interval before ${now}`);
        return (now - due) / interval;
      };
      const first = Array.from({ length: 20 }, nextPart);
      assert.ok(Math.max(...first) - Math.min(...first) < 1e-4);
      const tenths = new Array<number>(11).fill(0);
      for (let i = 0; i < 1000; i++) tenths[Math.floor(nextPart() * 10)]!++;
      for (const count of tenths.slice(0, 10)) assert.ok(count >= 60 && count <= 140, tenths.join());
    },
  );
  fc.assert(scenario, { numRuns: 200 });
});
