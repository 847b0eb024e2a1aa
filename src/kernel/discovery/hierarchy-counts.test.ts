import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { keepingLogger } from '../../../test/support/discovery.js';
import type { Hierarchies } from '../containers/index.js';
import { HierarchyCounts } from './hierarchy-counts.js';

describe('HierarchyCounts', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tallyman-test-'));
  const file = join(directory, 'cgroups');
  after(() => rmSync(directory, { recursive: true }));
  const hierarchies: Hierarchies = {
    version: 1,
    mounts: [
      { controllers: ['cpu', 'cpuacct'], path: '/cpu' },
      { controllers: ['memory'], path: '/memory' },
    ],
  };
  const write = (cpu: number, memory: number) => writeFileSync(file, `cpu 1 ${cpu} 1\nmemory 2 ${memory} 1\n`);
  const make = () => new HierarchyCounts(file, hierarchies, keepingLogger());
  const looks = (counts: HierarchyCounts, known: number[], times: number) =>
    Array.from({ length: times }, () => [...counts.suspects(known)]);

  it('suspects all hierarchies once at the beginning', () => {
    write(5, 30);
    assert.deepEqual(looks(make(), [4, 4], 4), [[], [0, 1], [], []]);
  });

  it('suspects a hierarchy whose count changed for two looks without a known reason', () => {
    write(5, 30);
    const counts = make();
    looks(counts, [4, 4], 2);
    write(6, 31);
    assert.deepEqual(looks(counts, [4, 5], 4), [[], [0], [], []]);
  });

  it('ignores a removed cgroup that is freed before the next check', () => {
    write(5, 5);
    const counts = make();
    looks(counts, [4, 4], 2);
    assert.deepEqual(looks(counts, [3, 4], 1), [[]]);
    write(4, 5);
    assert.deepEqual(looks(counts, [3, 4], 3), [[], [], []]);
  });

  it('suspects a hierarchy whose count changes at every check', () => {
    const counts = make();
    const suspected = [1, 2, 3, 4, 5, 6].map((count) => {
      write(count, 0);
      return counts.suspects([0, 0]).has(0);
    });
    assert.deepEqual(suspected, [false, false, true, false, false, true]);
  });

  it('suspects hierarchies without a count at intervals', () => {
    const counts = new HierarchyCounts(join(directory, 'absent'), hierarchies, keepingLogger());
    assert.deepEqual(
      looks(counts, [1, 1], 10).map((suspects) => suspects.length),
      [0, 0, 0, 0, 2, 0, 0, 0, 0, 2],
    );
  });
});
