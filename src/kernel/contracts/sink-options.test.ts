import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { describe, it } from 'node:test';
import { hostAndCluster } from './sink-options.js';

describe('the labels host and cluster of sinks', () => {
  const environment = { TALLYMAN_NODE_NAME: 'node-7', TALLYMAN_CLUSTER: 'fra1' };

  it('come from the options, else the environment; the host defaults to the host name', () => {
    assert.deepEqual(hostAndCluster({ host: 'a', cluster: 'b' }, environment), { host: 'a', cluster: 'b' });
    assert.deepEqual(hostAndCluster({}, environment), { host: 'node-7', cluster: 'fra1' });
    assert.deepEqual(hostAndCluster({}, { TALLYMAN_NODE_NAME: '' }), { host: hostname(), cluster: '' });
  });

  it('are omitted when the option host is empty', () => {
    assert.equal(hostAndCluster({ host: '' }, environment).host, '');
  });
});
