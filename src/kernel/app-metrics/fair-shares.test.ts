import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FairShares } from './fair-shares.js';

describe('fair shares', () => {
  it('are the most that a holder may have while there is enough for all', () => {
    const shares = new FairShares(100, 40);
    assert.equal(shares.share, 40);
    shares.want('a', 1000);
    shares.want('b', 60);
    assert.equal(shares.share, 40);
  });

  it('leave who wants little untouched, whatever another wants', () => {
    const shares = new FairShares(100);
    shares.want('small', 10);
    shares.want('large', 1_000_000);
    assert.equal(shares.share, 90);
    shares.want('large too', 1_000_000);
    assert.equal(shares.share, 45);
    shares.forget('large');
    assert.equal(shares.share, 90);
    shares.want('large too', 80);
    assert.equal(shares.share, Number.POSITIVE_INFINITY);
  });

  it('never exceed the total, and leave nothing of it over while somebody wants more', () => {
    const amounts = fc.array(fc.integer({ min: 0, max: 1000 }), { maxLength: 20 });
    fc.assert(
      fc.property(amounts, fc.integer({ min: 1, max: 5000 }), (wants, total) => {
        const shares = new FairShares(total);
        for (const [index, amount] of wants.entries()) shares.want(String(index), amount);
        const given = wants.reduce((sum, amount) => sum + Math.min(amount, shares.share), 0);
        const wanted = wants.reduce((sum, amount) => sum + amount, 0);
        assert.ok(Math.abs(given - Math.min(total, wanted)) < 1e-6, `${given}`);
      }),
    );
  });
});
