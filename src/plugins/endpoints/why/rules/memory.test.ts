import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { keptEvents } from '../../../../../test/conformance/world/recorded-events.js';
import { judged, measured, NOW } from '../../../../../test/support/rule-bench.js';
import { memoryNearLimit, memoryReclaim, oomKilled } from './memory.js';

const MIB = 2 ** 20;
const limited = { limits: { cgroupVersion: 2 as const, memory: { limit: BigInt(100 * MIB) } } };

describe('memory-reclaim', () => {
  const reclaiming = (refaults: number, hits = 500, usage = 100) =>
    measured(
      '/system.slice/db.service',
      {
        'memory.failcnt': [0, hits],
        'memory.usage': usage * MIB,
        'memory.working_set': 95 * MIB,
        'memory.workingset_refault_file': [0, refaults],
        'memory.hierarchical.pgmajfault': [0, refaults / 10],
      },
      limited,
    );

  it('finds a container that needs again what was reclaimed at its limit', () => {
    const finding = judged(memoryReclaim, [reclaiming(60_000)])!;
    assert.match(finding.what, /limit of 100 MiB/);
    assert.deepEqual(finding.evidence[1]!.values, { refaults_per_second: 1000, major_faults_per_second: 100 });
    assert.equal(finding.lines![0]!.line, 'systemctl set-property db.service MemoryMax=125M');
  });

  it('finds one at its limit although the kernel counted no hit', () => {
    const finding = judged(memoryReclaim, [reclaiming(60_000, 0, 96)])!;
    assert.equal(finding.evidence[0]!.text, 'usage 96 MiB of 100 MiB');
  });

  it('does not find one that only fills its limit with page cache, or is far from it', () => {
    assert.equal(judged(memoryReclaim, [reclaiming(600)]), undefined);
    assert.equal(judged(memoryReclaim, [reclaiming(600, 0, 99)]), undefined);
    assert.equal(judged(memoryReclaim, [reclaiming(60_000, 0, 80)]), undefined);
  });
});

describe('memory-near-limit', () => {
  const using = (mebibytes: number, more = limited) => measured('/a', { 'memory.working_set': mebibytes * MIB }, more);

  it('finds a working set of 90 % of the limit or more', () => {
    const finding = judged(memoryNearLimit, [using(95)])!;
    assert.equal(finding.evidence[0]!.text, 'working set 95 MiB of 100 MiB (95 %)');
    assert.equal(finding.lines![0]!.line, `echo ${125 * MIB} > /sys/fs/cgroup/a/memory.max`);
  });

  it('does not find a smaller one, or one without a limit', () => {
    assert.equal(judged(memoryNearLimit, [using(80)]), undefined);
    const none = (limit: 'unlimited' | bigint) => ({ limits: { ...limited.limits, memory: { limit } } });
    assert.equal(
      judged(memoryNearLimit, [measured('/a', { 'memory.working_set': 95 * MIB }, none('unlimited'))]),
      undefined,
    );
    assert.equal(
      judged(memoryNearLimit, [measured('/a', { 'memory.working_set': 95 * MIB }, none(2n ** 63n - 4096n))]),
      undefined,
    );
  });
});

describe('oom-killed', () => {
  const oom = { pid: 7, processName: 'java', constraint: 'CONSTRAINT_MEMCG' };
  const kill = (containerName: string, type: 'oom' | 'oomKill') => ({
    containerName,
    type,
    time: NOW - 12e6,
    oom,
  });

  const ended = {
    aliases: ['job'],
    namespace: 'docker',
    labels: {},
    envs: {},
    networkMode: 'none' as const,
    state: { status: 'exited' as const, oomKilled: true, exitCode: 137, finishedAt: NOW },
  };

  it('names the process and the limit of a container that was killed at its own limit', () => {
    const events = keptEvents([kill('/a', 'oom'), kill('/a', 'oomKill')]);
    const finding = judged(oomKilled, [measured('/a', {}, limited)], { events })!;
    assert.equal(finding.what, 'killed for lack of memory at its limit of 100 MiB');
    assert.equal(finding.evidence[0]!.text, '1 kill in the last hour, the last 12 s ago: process java (pid 7)');
  });

  it('names the parent whose limit it was', () => {
    const events = keptEvents([kill('/pod/a', 'oom'), kill('/pod', 'oomKill')]);
    const containers = [measured('/pod/a', {}), measured('/pod', {}, limited)];
    assert.equal(
      judged(oomKilled, containers, { events })!.what,
      'killed for lack of memory at the limit of 100 MiB of /pod',
    );
    assert.match(judged(oomKilled, containers.toReversed(), { events })!.what, /kill a process below it/);
  });

  it('names the limit of a container that ended, as the kernel logged it, and what raises it', () => {
    const victim = { ...oom, limit: 100 * MIB };
    const events = keptEvents([
      { ...kill('/docker/1', 'oom'), oom: victim },
      { ...kill('/docker/1', 'oomKill'), oom: victim },
    ]);
    const finding = judged(oomKilled, [], { departed: [{ name: '/docker/1', description: ended }], events })!;
    assert.equal(finding.what, 'killed for lack of memory at its limit of 100 MiB');
    assert.match(finding.evidence[0]!.text, /process java \(pid 7\)/);
    assert.ok(finding.lines!.some(({ line }) => /^docker update .*job$/.test(line)));
  });

  it('says when it was the machine that had no memory left', () => {
    const events = keptEvents([{ ...kill('/a', 'oom'), oom: { ...oom, constraint: 'CONSTRAINT_NONE' } }]);
    assert.match(judged(oomKilled, [measured('/a', {}, limited)], { events })!.what, /the machine had none left/);
  });

  it('finds a container that ended that way, by what its engine says', () => {
    const finding = judged(oomKilled, [], { departed: [{ name: '/docker/1', description: ended }] })!;
    assert.match(finding.evidence[0]!.text, /its engine says/);
  });

  it('does not find one without kills, or whose neighbour was killed', () => {
    const events = keptEvents([kill('/b', 'oom')]);
    assert.equal(judged(oomKilled, [measured('/a', {})], { events }), undefined);
  });
});
