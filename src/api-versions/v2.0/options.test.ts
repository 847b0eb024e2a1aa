import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ContainerView } from '../../kernel/contracts/index.js';
import { parseOptions } from './options.js';

const typed = (type: string, ...namespaces: string[]) =>
  parseOptions(new URLSearchParams({ type }), {
    containersOf: (namespace) => (namespaces.includes(namespace) ? [{} as ContainerView] : []),
  }).type;

describe('the option type', () => {
  test('knows the engines, also where they have no containers', () => {
    assert.deepEqual(
      ['', 'name', 'docker', 'podman'].map((type) => typed(type)),
      ['name', 'name', 'docker', 'podman'],
    );
  });

  test('knows the namespace of any handler that has containers, and no other word', () => {
    assert.equal(typed('systemd', 'systemd'), 'systemd');
    assert.throws(() => typed('systemd'), /unknown 'type' "systemd"/);
    assert.throws(() => typed('rkt', 'systemd'), /unknown 'type' "rkt"/);
  });
});
