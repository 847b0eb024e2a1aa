import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ContainerView } from './agent-view.js';
import { parseRequestOptions } from './request-options.js';

const typed = (type: string, ...namespaces: string[]) =>
  parseRequestOptions(new URLSearchParams({ type }), {
    containersOf: (namespace) => (namespaces.includes(namespace) ? [{} as ContainerView] : []),
  }).type;

describe('the option type', () => {
  it('accepts the engines, also when they have no containers', () => {
    assert.deepEqual(
      ['', 'name', 'docker', 'podman'].map((type) => typed(type)),
      ['name', 'name', 'docker', 'podman'],
    );
  });

  it('accepts the namespace of any handler that has containers, and rejects other words', () => {
    assert.equal(typed('systemd', 'systemd'), 'systemd');
    assert.throws(() => typed('systemd'), /unknown 'type' "systemd"/);
    assert.throws(() => typed('rkt', 'systemd'), /unknown 'type' "rkt"/);
  });
});

it('the option count is an integer of at least -1, without a plus sign', () => {
  const counted = (count: string) =>
    parseRequestOptions(new URLSearchParams({ count }), { containersOf: () => [] }).count;
  assert.deepEqual(['', '-1', '0', '7'].map(counted), [64, -1, 0, 7]);
  for (const odd of ['+1', ' 1', '1.0', '0x1', 'x']) assert.throws(() => counted(odd), /failed to parse 'count'/, odd);
  assert.throws(() => counted('-2'), /only -1 and larger/);
});
