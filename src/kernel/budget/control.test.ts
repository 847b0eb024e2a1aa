import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Control, type Reduction } from './control.js';

function reductionOf(amount: number, onlyAboveLimit: boolean): Reduction & { given: number } {
  return {
    given: 0,
    onlyAboveLimit,
    get isActive() {
      return this.given > 0;
    },
    giveUp() {
      const more = amount - this.given;
      this.given = amount;
      return more;
    },
    takeBack() {
      const { given } = this;
      this.given = 0;
      return given;
    },
  };
}

describe('control of a resource', () => {
  it('spares what is too harsh for pressure alone until the limit is near', () => {
    const [mild, harsh] = [reductionOf(1, false), reductionOf(100, true)];
    const control = new Control({ settleMs: 0, holdMs: 0 }, [mild, harsh]);
    control.check(0, { used: 50, limit: 100, isPressed: true });
    assert.deepEqual([mild.given, harsh.given], [1, 0]);
    control.check(1, { used: 95, limit: 100, isPressed: true });
    assert.deepEqual([mild.given, harsh.given], [1, 100]);
  });
});
