import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Backoff } from './index.js';

describe('Backoff', () => {
  it('doubles the pause up to the maximum, and starts again after a success', () => {
    const backoff = new Backoff(1000, 5000);
    assert.deepEqual(
      [backoff.next(), backoff.next(), backoff.next(), backoff.next(), backoff.next()],
      [1000, 2000, 4000, 5000, 5000],
    );
    backoff.reset();
    assert.equal(backoff.next(), 1000);
  });
});
