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

  /** Whether the first hierarchy is suspected at each of these counts, of which none is known. */
  const suspectedAt = (numbers: readonly number[]): boolean[] => {
    const counts = make();
    return numbers.map((count) => {
      write(count, 0);
      return counts.suspects([0, 0]).has(0);
    });
  };

  it('suspects a hierarchy whose count grows at every check', () => {
    assert.deepEqual(suspectedAt([1, 2, 3, 4, 5, 6]), [false, true, false, true, false, true]);
  });

  it('does not suspect a hierarchy again while removed cgroups are freed late, whatever their number', () => {
    const found = suspectedAt([5, 5, 8, 9, 6, 5, 7, 9, 8, 6, 5, 9, 9, 7, 7, 7, 4, 3]);
    assert.deepEqual(
      found.flatMap((isSuspected, check) => (isSuspected ? [check] : [])),
      [1, 3, 17],
    );
  });

  it('forgets after a minute how many removed cgroups were counted', () => {
    const found = suspectedAt([5, 5, 9, 9, ...Array.from({ length: 60 }, () => 5), 6, 6]);
    assert.deepEqual(
      found.flatMap((isSuspected, check) => (isSuspected ? [check] : [])),
      [1, 3, 65],
    );
  });

  it('suspects hierarchies without a count at intervals', () => {
    const counts = new HierarchyCounts(join(directory, 'absent'), hierarchies, keepingLogger());
    assert.deepEqual(
      looks(counts, [1, 1], 10).map((suspects) => suspects.length),
      [0, 0, 0, 0, 2, 0, 0, 0, 0, 2],
    );
  });
});
