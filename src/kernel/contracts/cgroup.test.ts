import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseCgroups } from './cgroup.js';

describe('parseCgroups', () => {
  it('reads hierarchy, number of cgroups and state of each controller', () => {
    const text = '#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpuset\t3\t8\t1\nmemory\t0\t30\t0\n';
    assert.deepEqual(
      [...parseCgroups(text)],
      [
        ['cpuset', { hierarchy: 3, cgroups: 8, enabled: true }],
        ['memory', { hierarchy: 0, cgroups: 30, enabled: false }],
      ],
    );
  });

  it('never throws, and gives whole numbers only', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('a', '1', '\t', '\n', '#') })), (text) => {
        for (const { cgroups, hierarchy } of parseCgroups(text).values()) {
          assert.ok(Number.isInteger(cgroups) && Number.isInteger(hierarchy));
        }
      }),
    );
  });
});
