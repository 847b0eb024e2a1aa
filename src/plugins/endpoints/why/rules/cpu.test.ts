import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judged, measured } from '../../../../../test/support/rule-bench.js';
import { cpuThrottled, cpuWaiting } from './cpu.js';

const docker = { namespace: 'docker', aliases: ['web'] };

/** @param share of 600 periods in which it was throttled */
function throttled(share: number, quota?: bigint) {
  const series = {
    'cpu.usage.total': [0, 12e9],
    'cpu.cfs.periods': [100, 700],
    'cpu.cfs.throttled_periods': [50, 50 + 600 * share],
    'cpu.cfs.throttled_time': [0, 600 * share * 80e6],
  } as const;
  const cpu = { limit: 1024n, ...(quota !== undefined && { quota, period: 100_000n }) };
  return measured('/docker/1', series, { ...docker, limits: { cpu } });
}

describe('cpu-throttled', () => {
  it('finds a container that its quota stops in most periods, and suggests what it wanted', () => {
    const finding = judged(cpuThrottled, [throttled(1, 20_000n)], { machine: { num_cores: 4 } })!;
    assert.equal(finding.harm, 85);
    assert.equal(finding.evidence[0]!.text, 'throttled in 600 of 600 periods (100 %)');
    // 12 s used and 48 s waited for in a minute, and 20 % more.
    assert.equal(finding.lines![0]!.line, 'docker update --cpus 1.2 web');
  });

  it('does not find one that is stopped now and then, or never', () => {
    assert.equal(judged(cpuThrottled, [throttled(0.05, 20_000n)]), undefined);
    assert.equal(judged(cpuThrottled, [throttled(0)]), undefined);
  });

  it('suggests no more than the machine has', () => {
    assert.equal(
      judged(cpuThrottled, [throttled(1, 90_000n)], { machine: { num_cores: 1 } })!.lines![0]!.line,
      'docker update --cpus 1 web',
    );
    assert.deepEqual(judged(cpuThrottled, [throttled(1, 100_000n)], { machine: { num_cores: 1 } })!.lines, []);
  });
});

describe('cpu-waiting', () => {
  const busyHost = measured('/', { 'cpu.usage.total': [0, 57e9] });
  const hog = measured('/docker/2', { 'cpu.usage.total': [0, 50e9] }, { namespace: 'docker', aliases: ['hog'] });
  const waiting = (seconds: number, more: Record<string, readonly [number, number]> = {}) =>
    measured('/docker/1', { 'pressure.cpu.some.total': [0, seconds * 1e6], ...more }, docker);

  it('finds a container that waits on a busy machine, and names who uses the CPUs', () => {
    const finding = judged(cpuWaiting, [waiting(30), busyHost, hog])!;
    assert.equal(finding.evidence[0]!.text, 'a task waited for a CPU for 30 of 60 s (50 %)');
    assert.ok(finding.evidence.some(({ text }) => text === 'hog used 0.833 CPUs'));
    assert.equal(finding.lines![0]!.line, 'docker update --cpus 0.4 hog');
  });

  it('takes the waiting in run queues where there is no PSI', () => {
    const queued = measured('/docker/1', { 'cpu.schedstat.runqueue_time': [0, 40e9] }, docker);
    assert.match(judged(cpuWaiting, [queued, busyHost])!.evidence[0]!.text, /run queues for 40 s in 60 s/);
  });

  it('does not find one that hardly waits, waits on an idle machine, or is held back by its quota', () => {
    assert.equal(judged(cpuWaiting, [waiting(3), busyHost]), undefined);
    assert.equal(judged(cpuWaiting, [waiting(30), measured('/', { 'cpu.usage.total': [0, 6e9] })]), undefined);
    assert.equal(judged(cpuWaiting, [waiting(30, { 'cpu.cfs.throttled_time': [0, 28e9] }), busyHost]), undefined);
  });
});
