import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { until } from '../../src/testing/index.js';
import { AgentProcess } from '../support/agent-process.js';
import { parseText } from '../support/exposition.js';
import { freePort } from '../support/free-port.js';
import { needs } from '../support/needs.js';
import { PrometheusServer } from '../support/prometheus-server.js';
import { RealCgroup } from '../support/real-cgroup.js';
import { type StandaloneServer, victoriaMetrics } from '../support/standalone-server.js';

const NAME = `/tallyman-test-${process.pid}-write`;

/** What this test looks at of `/api/v2.1/stats`. */
interface Stats {
  readonly timestamp: string;
  readonly cpu: { readonly usage: { readonly user: number } };
  readonly memory: { readonly usage: number; readonly max_usage: number };
}

/** A matrix of Prometheus. */
interface Matrix {
  readonly result: readonly { readonly values: readonly (readonly [time: number, value: string])[] }[];
}

/** A series as VictoriaMetrics exports it. */
interface Exported {
  readonly metric: Readonly<Record<string, string>>;
  /** ms since the epoch. */
  readonly timestamps: readonly number[];
  readonly values: readonly number[];
}

describe('remote write into Prometheus', { skip: needs('cgroups', 'prometheus') }, () => {
  const cgroup = new RealCgroup(NAME);
  /** It ends while the agent does not run. */
  const second = new RealCgroup(`${NAME}-second`);
  const queue = mkdtempSync(join(tmpdir(), 'tallyman-test-queue-'));
  let prometheus: PrometheusServer;
  let agent: AgentProcess;

  const startAgent = () =>
    AgentProcess.start(`
housekeeping: { interval: 200ms, maxInterval: 200ms }
plugins:
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
  - use: remote-write
    with:
      url: ${prometheus.url}/api/v1/write
      interval: 400ms
      resolution: all
      cluster: test
      containersInclude: ["${NAME}*"]
      retry: { first: 100ms, longest: 500ms }
      queue: { directory: "${queue}" }
  - use: remote-write
    id: version-2
    with: { url: "${prometheus.url}/api/v1/write", version: 2, containersInclude: ["${NAME}"], interval: 1s }
`);

  before(async () => {
    cgroup.create();
    second.create();
    await cgroup.run('while sleep 0.05; do :; done');
    prometheus = await PrometheusServer.start('global: {}\n', ['--web.enable-remote-write-receiver']);
    agent = await startAgent();
  });
  after(async () => {
    await agent?.stop();
    await prometheus?.stop();
    await cgroup.remove();
    await second.remove();
    rmSync(queue, { recursive: true, force: true });
  });

  async function sinkMetric(name: string): Promise<number> {
    const { series } = parseText(await (await fetch(`${agent.url}/metrics`)).text());
    const own = series.filter((one) => one.name === `tallyman_sink_${name}` && one.labels.sink === 'remote-write');
    return own.reduce((sum, { value }) => sum + value, 0);
  }

  async function untilMetric(name: string, fits: (value: number) => boolean): Promise<void> {
    const deadline = Date.now() + 60_000;
    while (!fits(await sinkMetric(name))) {
      if (Date.now() > deadline) throw new Error(`tallyman_sink_${name} is ${await sinkMetric(name)}\n${agent.output}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async function stats(): Promise<readonly Stats[]> {
    const answer = await agent.json<Record<string, { readonly stats: readonly Stats[] }>>(
      `/api/v2.1/stats${NAME}?type=name&count=-1`,
    );
    return answer[NAME]!.stats;
  }

  /** The samples of a metric of the container by their times in ms. */
  async function written(metric: string): Promise<Map<number, number>> {
    const selector = `${metric}{id="${NAME}",cluster="test"}[5m]`;
    const { result } = (await prometheus.api(`query?query=${encodeURIComponent(selector)}`)) as Matrix;
    return new Map(result.flatMap(({ values }) => values.map(([at, value]) => [Math.round(at * 1000), Number(value)])));
  }

  /** Compares what is stored with what the API says, from a time on. @returns how many samples were compared */
  async function compare(expected: readonly Stats[], sinceMs: number): Promise<number> {
    const [memory, user] = [
      await written('container_memory_usage_bytes'),
      await written('container_cpu_user_seconds_total'),
    ];
    const after = expected.filter(({ timestamp }) => Date.parse(timestamp) >= sinceMs);
    for (const {
      timestamp,
      cpu,
      memory: { usage },
    } of after) {
      const at = Math.floor(Date.parse(timestamp));
      assert.equal(memory.get(at), usage, `memory at ${timestamp}`);
      assert.equal(user.get(at), cpu.usage.user / 1e9, `CPU time at ${timestamp}`);
    }
    return after.length;
  }

  const firstWritten = async () => Math.min(...(await written('container_memory_usage_bytes')).keys());

  it('gives back the numbers of the API at the same instants', async () => {
    await untilMetric('sent_total', (points) => points > 500);
    const known = await stats();
    const newest = Date.parse(known.at(-1)!.timestamp);
    while (!(await written('container_memory_usage_bytes')).has(newest))
      await new Promise((done) => setTimeout(done, 50));
    assert.ok((await compare(known, await firstWritten())) > 5);
  });

  it('finds that a Prometheus which knows only version 1.0 took nothing of version 2.0', async () => {
    await agent.said(
      'the receiver does not say what it has written, as one of remote write 2.0 does; batches are kept',
      /version: 1/,
    );
  });

  it('loses nothing when Prometheus and then the agent are killed, and sends what waited on disk', async () => {
    const since = await firstWritten();
    await prometheus.kill();
    const before = (await stats()).length;
    await untilMetric('queue_batches', (batches) => batches >= 5);
    const known = await stats();
    assert.ok(known.length > before);
    const batches = await sinkMetric('queue_batches');
    await untilMetric('queue_batches', (now) => now >= batches + 2);
    const state = () => readFileSync(join(queue, 'state'), 'utf8');
    await until(() => state().includes(second.name), state);
    agent.signal('SIGKILL');
    await agent.ended();
    await second.remove();
    agent = await startAgent();
    await agent.said(`wait in ${queue} and will be sent`);
    await agent.said('cannot deliver', /cannot be reached: nothing listens there; batches are kept/);
    await prometheus.run();
    await agent.said('batches are delivered again; nothing was lost');
    await untilMetric('queue_batches', (left) => left <= 1);
    assert.ok((await compare(known, since)) > before);
    assert.equal(await sinkMetric('dropped_total'), 0);
    assert.deepEqual(prometheus.complaints, []);
  });

  it('marks the series of a container as stale that ended while the agent did not run', async () => {
    const selector = `{id="${second.name}"}`;
    const stored = (await prometheus.api(`query?query=${encodeURIComponent(`${selector}[5m]`)}`)) as Matrix;
    assert.ok(stored.result.length > 10, `${stored.result.length} series were stored before`);
    await until(
      async () => (await prometheus.query(selector)).length === 0,
      () => agent.output,
    );
    assert.ok((await prometheus.query(`{id="${NAME}"}`)).length > 10);
  });

  it('marks the series of a container that ends as stale', async () => {
    const usage = `container_memory_usage_bytes{id="${NAME}"}`;
    // The agent that was started again has sent samples of it.
    const since = Date.now();
    while (Math.max(...(await written('container_memory_usage_bytes')).keys()) < since) {
      await new Promise((done) => setTimeout(done, 50));
    }
    assert.equal((await prometheus.query(usage)).length, 1);
    await cgroup.remove();
    const deadline = Date.now() + 60_000;
    while ((await prometheus.query(usage)).length > 0) {
      if (Date.now() > deadline) throw new Error(`it is still there: ${agent.output}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.deepEqual(await prometheus.query(`{id="${NAME}"}`), []);
  });
});

describe('two sinks for remote write into VictoriaMetrics', { skip: needs('cgroups', 'victoria-metrics') }, () => {
  const cgroup = new RealCgroup(`${NAME}-twice`);
  let store: StandaloneServer;
  let agent: AgentProcess;
  let url: string;

  before(async () => {
    cgroup.create();
    const port = await freePort();
    url = `http://127.0.0.1:${port}/api/v1`;
    store = await victoriaMetrics(port).start();
    const options = `url: "${url}/write", interval: 400ms, containersInclude: ["${cgroup.name}"]`;
    agent = await AgentProcess.start(`
housekeeping: { interval: 200ms, maxInterval: 200ms }
plugins:
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
  - { use: remote-write, with: { ${options}, resolution: all, cluster: one } }
  - { use: remote-write, with: { ${options}, metricsInclude: ["*_usage_bytes"], metricPrefix: two_, cluster: two } }
`);
  });
  after(async () => {
    await agent?.stop();
    await store?.remove();
    await cgroup.remove();
  });

  /** The series that are stored, with the times of their values in ms. */
  async function stored(selector: string): Promise<readonly Exported[]> {
    await fetch(`${url.replace('/api/v1', '')}/internal/force_flush`);
    const text = await (await fetch(`${url}/export?match[]=${encodeURIComponent(selector)}`)).text();
    const lines = text.split('\n').filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line) as Exported);
  }

  it('write the same numbers as the API, each with its own selection and names', async () => {
    let [one, two]: (readonly Exported[])[] = [];
    const enough = async () => {
      one = await stored(`container_memory_usage_bytes{id="${cgroup.name}",cluster="one"}`);
      two = await stored(`{id="${cgroup.name}",cluster="two"}`);
      return one.length === 1 && two.length === 2 && [...one, ...two].every(({ values }) => values.length >= 5);
    };
    await until(enough, () => agent.output);
    const path = `/api/v2.1/stats${cgroup.name}?type=name&count=-1`;
    const { stats } = (await agent.json<Record<string, { stats: readonly Stats[] }>>(path))[cgroup.name]!;
    const known = new Map(stats.map(({ timestamp, memory }) => [Date.parse(timestamp), memory]));
    const members = {
      container_memory_usage_bytes: 'usage',
      two_container_memory_usage_bytes: 'usage',
      two_container_memory_max_usage_bytes: 'max_usage',
    } as const;
    const found = [...one!, ...two!];
    const nameOf = ({ metric }: Exported) => metric.__name__ as keyof typeof members;
    assert.deepEqual(found.map(nameOf).sort(), Object.keys(members).sort());
    for (const series of found) {
      const member = members[nameOf(series)];
      for (const [i, at] of series.timestamps.entries()) {
        assert.equal(series.values[i], known.get(at)?.[member], `${nameOf(series)} at ${at}`);
      }
    }
  });
});
