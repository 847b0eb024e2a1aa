import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';
import { loadKafkajs } from './library.js';

describe('a connection of kafkajs', () => {
  it('has no timer while no request waits, and sends one that was throttled', async (t) => {
    await loadKafkajs();
    t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1e12 });
    const logger = { debug() {}, warn() {} };
    const queue = new RequestQueue({
      maxInFlightRequests: null,
      requestTimeout: 1000,
      clientId: '',
      broker: '',
      logger,
    });
    let sent = 0;
    const push = (correlationId: number) =>
      queue.push({ entry: { correlationId, resolve() {} }, expectResponse: true, sendRequest: () => sent++ });
    push(1);
    queue.fulfillRequest({ correlationId: 1, payload: Buffer.alloc(0), size: 0 });
    assert.equal(queue.throttleCheckTimeoutId, null);
    queue.maybeThrottle(500);
    push(2);
    t.mock.timers.tick(499);
    assert.equal(sent, 1);
    t.mock.timers.tick(20);
    assert.equal(sent, 2);
    assert.equal(queue.throttleCheckTimeoutId, null);
  });
});
