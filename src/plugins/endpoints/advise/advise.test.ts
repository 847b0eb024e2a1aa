import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type FakeContainer, fakeAgent } from '../../../../test/conformance/world/fake-agent.js';
import { keptEvents } from '../../../../test/conformance/world/recorded-events.js';
import { measured } from '../../../../test/support/rule-bench.js';
import { UsageSummarizer } from '../../../kernel/history/index.js';
import { containerAnswer, hostAnswer } from './advice.js';
import { containerAdvice, hostAdvice } from './schema.js';

const MIB = 2 ** 20;
const machine = { num_cores: 8, memory_capacity: 16_384 * MIB };

/** What the agent sums up of so many minutes in which the container used these CPUs, and this memory with a peak. */
function used(minutes: number, cpus: number, mebibytes: number, peak = mebibytes) {
  const summarizer = new UsageSummarizer();
  for (let second = 0; second <= minutes * 61; second++) {
    const memory = second === 100 ? peak : mebibytes;
    summarizer.add(1e15 + second * 1e6, second * cpus * 1e9, memory * MIB);
  }
  return summarizer.stats();
}

function container(summary: FakeContainer['summary'], more: Partial<FakeContainer> = {}, series = {}): FakeContainer {
  const limits = { cgroupVersion: 2 as const, hasCpu: true, hasMemory: true, cpu: { limit: 1024n }, memory: {} };
  return measured('/docker/1', series, { namespace: 'docker', aliases: ['web'], summary: summary!, limits, ...more });
}

const adviseOf = (one: FakeContainer, more: object = {}) => {
  const agent = fakeAgent({ containers: [one], machine, ...more });
  const answer = containerAnswer(agent, one.name);
  assert.ok('advice' in answer, JSON.stringify(answer));
  return answer;
};

describe('advice', () => {
  it('adds its documented margins to a steady load', () => {
    const { advice, data, used: use } = adviseOf(container(used(60, 0.5, 100, 200)));
    assert.deepEqual(data, { minutes: 60, text: '1 h of data', confidence: 'low' });
    assert.deepEqual([use.cpu.p50_cpus, use.cpu.max_cpus], [0.5, 0.5]);
    assert.deepEqual([use.memory.p50_bytes, use.memory.max_bytes], [100 * MIB, 200 * MIB]);
    assert.deepEqual(advice, {
      cpu_request: 0.55,
      cpu_limit: 0.6,
      memory_request_bytes: 110 * MIB,
      memory_limit_bytes: 240 * MIB,
      margin: { request: 0.1, limit: 0.2 },
    });
  });

  it('states how much data it is based on, and is absent with too little', () => {
    assert.equal(adviseOf(container(used(400, 0.1, 10))).data.confidence, 'medium');
    assert.equal(adviseOf(container(used(1439, 0.1, 10))).data.confidence, 'high');
    const agent = fakeAgent({ containers: [container(used(4, 0.5, 100))], machine });
    assert.deepEqual(containerAnswer(agent, 'web'), {
      container: { name: '/docker/1', aliases: ['web'] },
      reason: 'only 4 min of data: ask again in 6 min',
    });
  });

  it('states the waste of a limit that is too large and the risk of no limit', () => {
    const limits = {
      hasMemory: true,
      cpu: { limit: 1n, quota: 400_000n, period: 100_000n },
      memory: { limit: BigInt(1000 * MIB) },
    };
    const { savings } = adviseOf(container(used(30, 0.5, 100), { limits }));
    assert.deepEqual(savings, [
      'memory limit 1000 MiB, used at most 100 MiB: 880 MiB less will do',
      'CPU limit 4, used at most 0.5: 3.4 CPUs less will do',
    ]);
    const { risks } = adviseOf(container(used(30, 0.5, 100)));
    assert.deepEqual(risks, [
      'no memory limit: it may take all 16384 MiB of the machine',
      'no CPU limit: it may take all 8 CPUs of the machine',
    ]);
  });

  it('raises a limit that the container reached', () => {
    const limits = {
      hasMemory: true,
      cpu: { limit: 1n, quota: 50_000n, period: 100_000n },
      memory: { limit: BigInt(100 * MIB) },
    };
    const series = { 'cpu.cfs.periods': 1000, 'cpu.cfs.throttled_periods': 900, 'oom.kills': 2 };
    const { advice, risks } = adviseOf(container(used(30, 0.5, 99), { limits }, series));
    assert.equal(advice.cpu_limit, 0.75);
    assert.equal(advice.memory_limit_bytes, 150 * MIB);
    assert.match(risks.join('\n'), /killed for lack of memory 2 times[\s\S]*throttled in 90 %/);
  });

  it('gives commands for the runtime of the container, and file sections for other runtimes', () => {
    const agent = fakeAgent({ containers: [container(used(60, 0.5, 100))], machine, events: keptEvents() });
    const answer = containerAnswer(agent, 'web');
    assert.ok('lines' in answer);
    const texts = answer.lines.map(({ tool, line }) => `${tool}: ${line}`);
    assert.equal(
      texts[0],
      'docker: docker update --cpus 0.6 --cpu-shares 563 --memory 120m --memory-swap 240m --memory-reservation 110m web',
    );
    assert.ok(
      texts.includes(
        'compose: services:\n  web:\n    cpus: 0.6\n    cpu_shares: 563\n    mem_limit: 120m\n    mem_reservation: 110m',
      ),
    );
    assert.ok(texts.includes('systemd: [Service]\nCPUQuota=60%\nCPUWeight=55\nMemoryMax=120M\nMemoryLow=110M'));
    assert.ok(
      texts.includes(
        'kubernetes: resources:\n  limits:\n    cpu: 600m\n    memory: 120Mi\n  requests:\n    cpu: 550m\n    memory: 110Mi',
      ),
    );
  });

  it('matches the API description, for one container and for all', () => {
    const young = container(used(2, 0.5, 100), { name: '/docker/2', aliases: ['young'] });
    const agent = fakeAgent({ containers: [container(used(60, 0.5, 100)), young], machine });
    assert.equal(containerAdvice.safeParse(containerAnswer(agent, 'web')).error, undefined);
    const all = hostAnswer(agent);
    assert.equal(hostAdvice.safeParse(all).error, undefined);
    assert.deepEqual(all.without_advice[0]!.container.aliases, ['young']);
    assert.throws(() => containerAnswer(agent, '/'), /no container "\/"/);
  });
});
