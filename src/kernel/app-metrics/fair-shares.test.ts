import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isCollectionError } from '../contracts/index.js';
import { FairShares, ResponseBudget } from './fair-shares.js';

describe('FairShares', () => {
  it('gives every holder the maximum while the total suffices', () => {
    const shares = new FairShares(100, 40);
    assert.equal(shares.share, 40);
    shares.want('a', 1000);
    shares.want('b', 60);
    assert.equal(shares.share, 40);
  });

  it('does not reduce small amounts, whatever others want', () => {
    const shares = new FairShares(100);
    shares.want('small', 10);
    shares.want('large', 1_000_000);
    assert.equal(shares.share, 90);
    shares.want('large too', 1_000_000);
    assert.equal(shares.share, 45);
    shares.want('large', 0);
    assert.equal(shares.share, 90);
    shares.want('large too', 80);
    assert.equal(shares.share, Number.POSITIVE_INFINITY);
  });

  it('never exceeds the total, and uses all of it while a container wants more', () => {
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

describe('ResponseBudget', () => {
  it('rejects the container that holds most bytes, not the one that asks last', () => {
    const responseBudget = new ResponseBudget(100);
    responseBudget.take('/hostile', 90);
    responseBudget.take('/well', 20);
    assert.throws(() => responseBudget.take('/hostile', 1), isCollectionError);
    responseBudget.release('/hostile', 91);
    responseBudget.take('/well', 60);
    responseBudget.take('/hostile', 20);
  });
});
