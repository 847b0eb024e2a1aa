import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isCollectionError } from '../contracts/index.js';
import { InFlight } from './in-flight.js';

describe('bytes of answers in flight', () => {
  it('are refused to the container that has most of them, not to the one that asks last', () => {
    const inFlight = new InFlight(100);
    inFlight.take('/hostile', 90);
    inFlight.take('/well', 20);
    assert.throws(() => inFlight.take('/hostile', 1), isCollectionError);
    inFlight.give('/hostile', 91);
    inFlight.take('/well', 60);
    inFlight.take('/hostile', 20);
  });
});
