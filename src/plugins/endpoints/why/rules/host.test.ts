import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judged, measured, NOW } from '../../../../../test/support/rule-bench.js';
import type { AgentSelf, PluginStatus } from '../../../../kernel/contracts/index.js';
import { agentPlugins, agentSampling, noLimit } from './host.js';

const GIB = 2 ** 30;
const machine = { num_cores: 4, memory_capacity: 10 * GIB };

describe('no-limit', () => {
  const using = (
    name: string,
    memory: number,
    cpus: number,
    limit: bigint | 'unlimited' = 'unlimited',
    quota?: bigint,
  ) =>
    measured(
      name,
      { 'memory.working_set': memory * GIB, 'cpu.usage.total': [0, cpus * 60e9] },
      {
        limits: { cgroupVersion: 2, memory: { limit }, cpu: { limit: 1n, ...(quota && { quota, period: 100_000n }) } },
      },
    );
  const full = using('/', 9, 1);

  it('finds a large container without a memory limit on a machine that is nearly full', () => {
    const finding = judged(noLimit, [using('/a', 4, 0.1), full], { machine })!;
    assert.equal(finding.what, 'no memory limit on a crowded host');
    assert.equal(finding.lines![0]!.line, `echo ${5 * GIB} > /sys/fs/cgroup/a/memory.max`);
  });

  it('finds a container without a quota that takes the CPUs of a busy machine', () => {
    const finding = judged(noLimit, [using('/a', 0.1, 2), using('/', 1, 3.9)], { machine })!;
    assert.equal(finding.what, 'no CPU limit on a crowded host');
    assert.equal(finding.lines![0]!.line, "echo '200000 100000' > /sys/fs/cgroup/a/cpu.max");
  });

  it('does not find one with a limit of its own or above it, a small one, or any while there is room', () => {
    assert.equal(judged(noLimit, [using('/a', 4, 0.1, BigInt(5 * GIB)), full], { machine }), undefined);
    const pod = using('/pod', 4, 0.1, BigInt(5 * GIB));
    assert.equal(judged(noLimit, [using('/pod/a', 4, 0.1), pod, full], { machine }), undefined);
    assert.equal(judged(noLimit, [using('/a', 0.5, 0.1), full], { machine }), undefined);
    assert.equal(judged(noLimit, [using('/a', 4, 0.1), using('/', 5, 1)], { machine }), undefined);
    assert.equal(
      judged(noLimit, [using('/a', 0.1, 2, 'unlimited', 200_000n), using('/', 1, 3.9)], { machine }),
      undefined,
    );
  });
});

describe('agent-sampling', () => {
  const self = (missed: number) => () =>
    ({ startedAt: NOW - 600e6, samples: { taken: 1000, idle: 0, missed } }) as AgentSelf;

  it('finds missed samples, and not a few', () => {
    const finding = judged(agentSampling, [measured('/', { x: 1 })], { self: self(100) })!;
    assert.equal(finding.evidence[0]!.text, '100 of 1100 samples were not taken in time (9.09 %)');
    assert.equal(judged(agentSampling, [measured('/', { x: 1 })], { self: self(5) }), undefined);
  });

  it('finds a clock that was set back, and sampling that stands still', () => {
    const at = (time: number) => {
      const { samples, ...host } = measured('/', { x: 1 });
      return { ...host, samples: samples!.map((sample) => ({ ...sample, time })) };
    };
    assert.match(judged(agentSampling, [at(NOW + 5e6)], { self: self(0) })!.evidence[0]!.text, /5 s behind/);
    assert.match(judged(agentSampling, [at(NOW - 100e6)], { self: self(0) })!.evidence[0]!.text, /100 s old/);
  });
});

describe('agent-plugins', () => {
  const plugin = (state: PluginStatus['state']) =>
    ({ id: 'docker', state, errors: 2, lastError: 'refused' }) as PluginStatus;

  it('finds a plugin that does not run, with its error', () => {
    const finding = judged(agentPlugins, [measured('/', {})], { plugins: [plugin('retrying')] })!;
    assert.equal(finding.evidence[0]!.text, 'docker (retrying): refused');
    assert.equal(judged(agentPlugins, [measured('/', {})], { plugins: [plugin('running')] }), undefined);
  });
});
