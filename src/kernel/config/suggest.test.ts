import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { nearest } from './suggest.js';

const NAMES = ['interval', 'maxInterval', 'dynamic', 'jitter', 'docker', 'podman', 'tcp', 'udp', 'oom_event'];

describe('nearest', () => {
  it('finds the nearest name, and none when all are too different', () => {
    assert.equal(nearest('intervall', NAMES), 'interval');
    assert.equal(nearest('MaxInterval', NAMES), 'maxInterval');
    assert.equal(nearest('max_interval', NAMES), 'maxInterval');
    assert.equal(nearest('oomEvent', NAMES), 'oom_event');
    assert.equal(nearest('dokcer', NAMES), 'docker');
    assert.equal(nearest('udo', NAMES), 'udp');
    assert.equal(nearest('prometheus', NAMES), undefined);
    assert.equal(nearest('', NAMES), undefined);
    assert.equal(nearest('x'.repeat(10_000), NAMES), undefined);
  });

  it('finds a name with one letter wrong', () => {
    fc.assert(
      fc.property(fc.constantFrom(...NAMES), fc.nat(20), (name, index) => {
        const at = index % name.length;
        assert.equal(nearest(`${name.slice(0, at)}~${name.slice(at + 1)}`, NAMES), name);
      }),
    );
  });
});
