import assert from 'node:assert/strict';
import type { ProcessInfo, SinkStatus, StoredCapsule } from '../../src/kernel/contracts/index.js';
import { type FakeAgentOptions, type FakeContainer, fakeAgent } from '../conformance/world/fake-agent.js';
import { column } from '../conformance/world/samples.js';
import { pagesOf, type Received, type Served, send, serveAgent } from '../conformance/world/served.js';

/** The pages over agents that a test makes up. */
export class PagesBench {
  private readonly served: Served[] = [];

  /** Serves the pages of an agent. @returns asks for a path, and fails when a plugin did */
  async serve(
    options: FakeAgentOptions,
    prefix = '',
  ): Promise<(path: string, headers?: Record<string, string>) => Promise<Received>> {
    const agent = fakeAgent(options);
    const served = await serveAgent(agent, { prefix, endpoints: pagesOf(agent) });
    this.served.push(served);
    return async (path, headers = {}) => {
      const answer = await send(served.url, path, 'GET', undefined, headers);
      assert.deepEqual(served.faults, []);
      return answer;
    };
  }

  async stop(): Promise<void> {
    for (const { server } of this.served) await server.stop(0);
  }
}

const HAS_BOTH = { hasCpu: true, hasMemory: true } as const;

/** A container with two samples, one second apart. @param memory its working set, bytes */
export function busy(name: string, cores: number, memory: number, more: Partial<FakeContainer> = {}): FakeContainer {
  const samples = [0, 1].map((second) => ({
    time: 1_764_000_000_000_000 + second * 1_000_000,
    cells: [
      [column('cpu.usage.total'), second * cores * 1e9],
      [column('memory.working_set'), memory],
      [column('memory.usage'), memory + 1024],
    ] as const,
  }));
  return { name, limits: HAS_BOTH, samples, ...more } as FakeContainer;
}

export function processIn(cgroup_path: string, pid: number, cmd: string): ProcessInfo {
  return {
    user: 'root',
    pid,
    parent_pid: 1,
    start_time: '14:02',
    percent_cpu: pid,
    percent_mem: 0.5,
    rss: 2 ** 20,
    virtual_size: 2 ** 21,
    status: 'S',
    running_time: '00:00:01',
    cgroup_path,
    cmd,
    fd_count: 3,
    psr: 0,
  };
}

/** A capsule whose texts are all the word. */
export function capsuleOf(word: string): StoredCapsule {
  const reasons = [{ kind: 'exit' as const, time: 1, text: 'its reason' }];
  return {
    id: word,
    container: `/${word}`,
    label: word,
    runtime: 'docker',
    createdAt: 1,
    reasons,
    agentVersion: '1',
    bytes: 40960,
  };
}

/** A sink whose receiver and disk fail, in these words. */
export const sinkFailing = (words: string): SinkStatus => ({
  queue: {
    batches: 2,
    points: 70,
    bytes: 2048,
    maxBytes: 2 ** 20,
    oldest: (Date.now() - 120_000) * 1000,
    directory: '/q',
    diskError: words,
  },
  sent: { batches: 3, points: 500, bytes: 3000 },
  dropped: { refused: 3, queue_full: 4 },
  retries: 1,
  attempts: 4,
  attemptMs: 10,
  intervalMs: 20_000,
  stretch: 2,
  failure: words,
});
