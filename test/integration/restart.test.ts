// What a restart of the agent costs who asks it: the samples of that time, and nothing else.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { AgentProcess } from '../support/agent-process.js';
import { BusyCgroup } from '../support/busy-cgroup.js';
import { DockerEngine, IMAGE } from '../support/docker-engine.js';
import { freePort } from '../support/free-port.js';
import { DOCKER_ENGINE, needs } from '../support/needs.js';
import { RealCgroup } from '../support/real-cgroup.js';

const INTERVAL_MS = 500;
/** By which a busy test machine may be late. */
const ALLOWANCE_MS = 15_000;

interface Sample {
  readonly timestamp: string;
  readonly cpu?: { readonly usage: { readonly total: number } };
}
interface Event {
  readonly container_name: string;
  readonly timestamp: string;
  readonly event_type: string;
}

/** Asks for all samples of some containers again and again, whether the agent answers or not. */
class Poller {
  readonly samples = new Map<string, Map<number, number>>();
  /** When the last request that was answered began, by container, ms since the epoch: later samples may not be known. */
  readonly askedAt = new Map<string, number>();
  private goesOn = true;
  private readonly end: Promise<void>;

  constructor(
    private readonly url: string,
    private readonly names: readonly string[],
  ) {
    for (const name of names) this.samples.set(name, new Map());
    this.end = this.poll();
  }

  async stop(): Promise<void> {
    this.goesOn = false;
    await this.end;
  }

  /** Times of the samples of a container, ms since the epoch. */
  times(name: string): number[] {
    return [...this.samples.get(name)!.keys()].sort((a, b) => a - b);
  }

  async since(time: number, count: number): Promise<void> {
    const deadline = Date.now() + 60_000;
    while (!this.names.every((name) => this.times(name).filter((each) => each > time).length >= count)) {
      assert.ok(Date.now() < deadline, 'samples do not come');
      await pause(20);
    }
  }

  private async poll(): Promise<void> {
    while (this.goesOn) {
      for (const name of this.names) {
        const askedAt = Date.now();
        try {
          const answer = (await (await fetch(`${this.url}/api/v2.0/stats${name}?count=-1`)).json()) as Record<
            string,
            Sample[]
          >;
          for (const { timestamp, cpu } of answer[name] ?? []) {
            this.samples.get(name)!.set(Date.parse(timestamp), cpu!.usage.total);
          }
          this.askedAt.set(name, askedAt);
        } catch {
          // Nobody answers during the restart.
        }
      }
      await pause(50);
    }
  }
}

describe('a restart of the agent', { skip: needs(...DOCKER_ENGINE) }, () => {
  const busy = new BusyCgroup('restart');
  let engine: DockerEngine;
  let container: string;
  let port: number;
  const config = () => `
housekeeping: { interval: ${INTERVAL_MS}ms, maxInterval: ${INTERVAL_MS}ms, jitter: 0 }
log: { format: json }
plugins:
  - { use: docker, with: { endpoint: '${engine.endpoint}' } }
  - { use: podman, enabled: false }
`;
  before(async () => {
    engine = await DockerEngine.start();
    await engine.run('--name=steady', '--label=tier=front', IMAGE);
    container = await engine.cgroup('steady');
    await busy.start();
    port = await freePort();
  });
  after(async () => {
    await busy.remove();
    await engine?.stop();
  });

  const start = () => AgentProcess.start(config(), ['--port', String(port)]);
  const all = '/api/v1.3/events/?all_events=true&subcontainers=true&max_events=-1';
  const eventsOf = async (agent: AgentProcess) =>
    (await agent.json<Event[]>(all))
      .filter(({ container_name }) => [busy.name, container].includes(container_name))
      .map(({ container_name, timestamp, event_type }) => `${event_type} ${container_name} ${timestamp}`)
      .sort();
  const startTimesOf = async (agent: AgentProcess) => {
    const metrics = await (await fetch(`${agent.url}/metrics`)).text();
    const lines = metrics.matchAll(/^container_start_time_seconds\{[^}]*\bid="([^"]*)"[^}]*\} (\S+)/gm);
    return Object.fromEntries([...lines].map(([, id, value]) => [id!, value!]));
  };

  it('loses only the samples of its duration, and creates no events for running containers', async (t) => {
    const first = await start();
    const poller = new Poller(first.url, [busy.name, container]);
    let second: AgentProcess | undefined;
    try {
      await poller.since(0, 3);
      const [events, startTimes] = [await eventsOf(first), await startTimesOf(first)];
      assert.equal(events.filter((event) => event.startsWith('containerCreation ')).length, 2, events.join('\n'));
      const stoppedAt = Date.now();
      await first.stop();
      const askedAt = new Map(poller.askedAt);
      second = await start();
      const servesAt = Date.now();
      const specs = await second.json<Record<string, { aliases: string[]; labels: Record<string, string> }>>(
        '/api/v2.0/spec/steady?type=docker',
      );
      assert.deepEqual(Object.keys(specs), [container], 'it has its name from the first answer on');
      assert.equal(specs[container]!.labels.tier, 'front');
      await poller.since(servesAt, 3);

      for (const name of [busy.name, container]) {
        const times = poller.times(name);
        const last = times.findLast((time) => time < stoppedAt)!;
        const next = times.find((time) => time > stoppedAt)!;
        const allowed = servesAt - Math.min(stoppedAt, askedAt.get(name)!) + INTERVAL_MS;
        t.diagnostic(`${name.slice(0, 30)}: no sample for ${next - last} ms, ${servesAt - stoppedAt} ms restart`);
        assert.ok(next - last <= allowed + ALLOWANCE_MS, `${next - last} ms without a sample, ${allowed} ms are due`);
        const usages = times.map((time) => poller.samples.get(name)!.get(time)!);
        assert.deepEqual(
          usages,
          [...usages].sort((a, b) => a - b),
          'counters go on',
        );
      }
      assert.deepEqual(await eventsOf(second), events, 'the same creations at the same times, and nothing else');
      const after = await startTimesOf(second);
      for (const name of [busy.name, container]) assert.equal(after[name], startTimes[name]);
    } finally {
      await poller.stop();
      await (second ?? first).stop();
    }
  });

  it('sends only new events to subscribers', async () => {
    const agent = await start();
    const fresh = new RealCgroup(`/tallyman-test-${process.pid}-fresh`);
    const abort = new AbortController();
    try {
      const stream = await fetch(`${agent.url}/api/v1.3/events/?stream=true&all_events=true&subcontainers=true`, {
        signal: abort.signal,
      });
      const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
      fresh.create();
      let text = '';
      while (!text.includes(fresh.name)) text += (await reader.read()).value ?? '';
      const reported = [...text.matchAll(/"container_name":"([^"]*)"/g)].map(([, name]) => name!);
      assert.deepEqual(
        reported.filter((name) => [busy.name, container].includes(name)),
        [],
      );
    } finally {
      abort.abort();
      await fresh.remove();
      await agent.stop();
    }
  });
});
