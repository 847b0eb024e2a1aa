import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { containerNamed } from '../../../test/support/containers.js';
import type { CgroupFiles, MachineInfo } from '../contracts/index.js';
import { ContainerLimits } from './limits.js';

/** Later than the time after which limits are read again, ms. */
const LATER_MS = 60_000;

describe('limits of a container', () => {
  it('are the same object until a file has another content', (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'tallyman-test-'));
    t.after(() => rmSync(directory, { recursive: true }));
    execFileSync('touch', ['--date', '2026-01-02T03:04:05.123456789Z', directory]);
    const files: Record<string, string> = { 'cpu.shares': '512', 'memory.limit_in_bytes': '1000000' };
    const text = (_: string, name: string) => files[name];
    const cgroup = { version: 1, text, directory: () => directory } as unknown as CgroupFiles;
    const container = containerNamed('/a', { cgroup });
    const time = { now: 0 };
    const machine = { num_cores: 1, memory_capacity: 1e9, swap_capacity: 0 } as MachineInfo;
    const clock = { now: () => time.now * 1000, monotonic: () => time.now };
    const limits = new ContainerLimits({ machine: () => machine }, 0, clock);
    const first = limits.of(container);
    assert.deepEqual([first.createdAt % 1e6, first.createdAtExtraNs], [123_456, 789]);
    time.now += LATER_MS;
    assert.equal(limits.of(container), first);
    files['memory.limit_in_bytes'] = '2000000';
    time.now += LATER_MS;
    assert.notEqual(limits.of(container), first);
    assert.equal(limits.of(container).memory.limit, 2000000n);
    assert.equal(limits.of(container).cpu.limit, 512n);
  });

  it('are read at every other moment while the container is new, and at most every 5 s later', () => {
    let reads = 0;
    const text = (_: string, name: string) => (name === 'memory.limit_in_bytes' ? String(++reads) : undefined);
    const cgroup = { version: 1, text, directory: () => undefined } as unknown as CgroupFiles;
    const container = containerNamed('/a', { cgroup });
    const time = { now: 0 };
    const clock = { now: () => time.now * 1000, monotonic: () => time.now };
    const limits = new ContainerLimits({ machine: () => ({}) as MachineInfo }, 0, clock);
    const readAt = (now: number) => {
      time.now = now;
      return Number(limits.memoryOf(container));
    };
    assert.deepEqual([0, 100, 300, 600].map(readAt), [1, 1, 2, 3]);
    assert.deepEqual([LATER_MS, LATER_MS + 4_000, LATER_MS + 6_000].map(readAt), [4, 4, 5]);
  });
});
