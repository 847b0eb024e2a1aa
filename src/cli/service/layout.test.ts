import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { serviceConfig, shipped } from './layout.js';

describe('the configuration of a new service', () => {
  it('sets a budget, and nothing else', () => {
    const set = parse(serviceConfig()) as Record<string, unknown>;
    const inSample = parse(shipped('tallyman.yaml')) as Record<string, unknown>;
    assert.deepEqual(set.budget, { cpu: '10%', memory: '256MiB', descriptors: 20000 });
    assert.deepEqual({ ...set, budget: null }, inSample);
  });
});
