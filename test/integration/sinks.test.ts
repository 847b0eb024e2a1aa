// One agent with every sink, and the real servers: what they have is what the API says.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { until } from '../../src/testing/clock.js';
import { AgentProcess } from '../support/agent-process.js';
import { BulkServer } from '../support/bulk-server.js';
import { parseText } from '../support/exposition.js';
import { freePort } from '../support/free-port.js';
import { needs } from '../support/needs.js';
import { RealCgroup } from '../support/real-cgroup.js';
import { influxdb, StandaloneServer, victoriaMetrics } from '../support/standalone-server.js';
import { StatsdServer } from '../support/statsd-server.js';
import {
  assertAsInApi,
  COMPARED,
  COMPARED_OF_DRIVER,
  microsOf,
  numbersOfDocument,
  type StoredNumber,
} from '../support/stored-numbers.js';

const NAME = `/tallyman-test-${process.pid}-sinks`;
const directory = join(tmpdir(), `tallyman-test-${process.pid}-sinks`);
const FILE = join(directory, 'samples.ndjson');

describe('sinks and their servers', {
  skip: needs('cgroups', 'influxd', 'victoria-metrics', 'jq', 'redis-server'),
}, () => {
  const cgroup = new RealCgroup(NAME);
  const servers: StandaloneServer[] = [];
  let influxUrl: string;
  let metricsUrl: string;
  let redis: StandaloneServer;
  let redisPort: number;
  let statsd: StatsdServer;
  let bulk: BulkServer;
  let agent: AgentProcess;

  before(async () => {
    mkdirSync(directory);
    cgroup.create();
    await cgroup.run('while sleep 0.1; do head -c 100000 /dev/zero | sha256sum; done > /dev/null');
    influxUrl = await startDatabase(influxdb);
    metricsUrl = await startDatabase(victoriaMetrics);
    redisPort = await freePort();
    redis = await startRedis();
    statsd = await StatsdServer.listen();
    bulk = await BulkServer.listen();
    agent = await AgentProcess.start(`
housekeeping: { interval: 500ms, maxInterval: 500ms }
plugins:
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
  - use: file
    with: { path: "${FILE}", ${common()} }
  - use: influxdb
    with: { url: "${influxUrl}", database: samples, ${common()} }
  - use: influxdb
    id: influxdb-cadvisor
    with: { url: "${influxUrl}", database: cadvisor, layout: cadvisor, host: h, ${common()} }
  - use: influxdb
    id: victoria
    with: { url: "${metricsUrl}", bucket: any, ${common()} }
  - use: redis
    with: { url: "redis://127.0.0.1:${redisPort}/1", key: list, password: secret, maxLength: 6, ${common()} }
  - use: redis
    id: redis-stream
    with: { url: "unix://${redis.directory}/socket", key: stream, password: secret, structure: stream, ${common()} }
  - use: redis
    id: redis-cadvisor
    with: { url: "redis://127.0.0.1:${redisPort}", key: driver, password: secret, layout: cadvisor, host: h, ${common()} }
  - use: elasticsearch
    with: { url: "${bulk.url}", apiKey: abc, ${common()} }
  - use: elasticsearch
    id: elasticsearch-cadvisor
    with: { url: "${bulk.url}/", index: cadvisor, layout: cadvisor, host: h, compression: none, ${common()} }
  - use: statsd
    with: { address: "127.0.0.1:${statsd.port}", ${common()} }
  - use: statsd
    id: statsd-plain
    with: { address: "127.0.0.1:${statsd.port}", tags: none, host: h, datagramSize: 300, ${common()} }
`);
  });

  after(async () => {
    await agent?.stop();
    await statsd?.close();
    await bulk?.close();
    for (const server of servers) await server.remove();
    await cgroup.remove();
    rmSync(directory, { recursive: true, force: true });
  });

  async function samplesOfApi<T>(): Promise<readonly T[]> {
    const answer = await agent.json<Record<string, { stats: T[] }>>(`/api/v2.1/stats${NAME}?type=name&count=1000`);
    return answer[NAME]!.stats;
  }

  /** The sample of API v1 at a time. */
  async function sampleOfV1(timeUs: unknown): Promise<unknown> {
    const path = `/api/v1.3/containers${NAME}?num_stats=-1`;
    const { stats } = await agent.json<{ stats: { timestamp: string }[] }>(path);
    return stats.find(({ timestamp }) => microsOf(timestamp) === timeUs);
  }

  const common = () => `interval: 500ms, containersInclude: ["${NAME}"]`;

  async function started(server: StandaloneServer): Promise<StandaloneServer> {
    servers.push(server);
    return server.start();
  }

  function startRedis(): Promise<StandaloneServer> {
    const args = (folder: string) => [
      ...['--port', String(redisPort), '--unixsocket', `${folder}/socket`, '--dir', folder],
      ...['--requirepass', 'secret', '--save', '', '--appendonly', 'yes', '--appendfsync', 'always'],
    ];
    const ready = async () => assert.equal(redisCli('PING'), 'PONG');
    return started(new StandaloneServer('redis-server', args, { ready }));
  }

  /** @returns what redis-cli prints, trimmed */
  function redisCli(...args: string[]): string {
    const all = ['-p', String(redisPort), '--no-auth-warning', '-a', 'secret', ...args];
    return execFileSync('redis-cli', all, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  }

  async function startDatabase(serverAt: (port: number) => StandaloneServer): Promise<string> {
    const port = await freePort();
    await started(serverAt(port));
    return `http://127.0.0.1:${port}`;
  }

  describe('file', () => {
    const linesOf = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : []);
    const lines = () => linesOf(FILE);

    it('has the numbers of the API, as lines that jq reads', async () => {
      await until(
        () => lines().length > 4,
        () => 'no lines',
      );
      await assertAsInApi(agent, NAME, lines().flatMap(numbersOfDocument));
      const query = '.labels.id, (.series[] | select(.labels.scope == "container") | .metrics | keys[])';
      const [id, metric] = execFileSync('jq', ['-r', query, FILE], { encoding: 'utf8' }).split('\n');
      assert.deepEqual([id, metric], [NAME, 'container_memory_failures_total']);
    });

    it('goes on in a new file when logrotate has renamed it, without a line lost', {
      skip: needs('logrotate'),
    }, async () => {
      const before = lines();
      const rules = join(directory, 'logrotate.conf');
      writeFileSync(rules, `"${FILE}" {\n  rotate 2\n  nocreate\n}\n`);
      execFileSync('logrotate', ['--force', '--state', join(directory, 'logrotate.state'), rules]);
      await until(
        () => lines().length > 1,
        () => 'no new file',
      );
      const all = [...linesOf(`${FILE}.1`), ...lines()];
      assert.deepEqual(all.slice(0, before.length), before);
      const times = all.map((line) => microsOf((JSON.parse(line) as { time: string }).time));
      assert.deepEqual(
        times,
        [...new Set(times)].sort((a, b) => a - b),
      );
    });
  });

  describe('influxdb', () => {
    async function influx(q: string, database = ''): Promise<InfluxSeries[]> {
      const query = new URLSearchParams({ q, db: database, epoch: 'u' });
      const response = await fetch(`${influxUrl}/query?${query}`, { method: 'POST' });
      const { results } = (await response.json()) as { results: [{ series?: InfluxSeries[]; error?: string }] };
      assert.equal(results[0].error, undefined);
      return results[0].series ?? [];
    }

    /** The numbers of a field, once there are four. */
    async function numbersOf(
      database: string,
      metric: string,
      measurement: string,
      field: string,
    ): Promise<StoredNumber[]> {
      let values: InfluxSeries['values'] = [];
      await until(
        async () => {
          values = (await influx(`SELECT "${field}" FROM "${measurement}"`, database))[0]?.values ?? [];
          return values.length > 3;
        },
        () => `no ${metric}`,
      );
      return values.map(([timeUs, value]) => ({ metric, timeUs, value }));
    }

    it('waits for a database that does not exist yet, and says so', async () => {
      await until(
        () => /create it: what waits is sent then.*database not found/.test(agent.output),
        () => agent.output,
      );
      for (const database of ['samples', 'cadvisor']) await influx(`CREATE DATABASE ${database}`);
    });

    it('has the numbers of the API in InfluxDB', async () => {
      for (const metric of COMPARED) {
        const stored = await numbersOf('samples', metric, 'container', metric.slice('container_'.length));
        await assertAsInApi(agent, NAME, stored, { metrics: [metric] });
      }
      const [tags] = await influx('SHOW TAG KEYS FROM "container"', 'samples');
      const names = tags!.values.map(([name]) => String(name));
      for (const name of ['host', 'id', 'failure_type', 'scope']) assert.ok(names.includes(name), name);
    });

    it('has the numbers of the API under the names of cAdvisor’s driver', async () => {
      for (const metric of COMPARED_OF_DRIVER) {
        await assertAsInApi(agent, NAME, await numbersOf('cadvisor', metric, metric, 'value'), { metrics: [metric] });
      }
      const [points] = await influx(
        'SELECT value, machine, container_name, failure_type, scope FROM memory_failure LIMIT 1',
        'cadvisor',
      );
      assert.deepEqual(points!.values[0]!.slice(2, 4), ['h', NAME]);
      const [types] = await influx('SHOW FIELD KEYS FROM memory_usage', 'cadvisor');
      assert.deepEqual(types!.values, [['value', 'integer']]);
    });

    it('has the numbers of the API in VictoriaMetrics, under the names of /metrics', async () => {
      const export_ = async (metric: string) => {
        const response = await fetch(`${metricsUrl}/api/v1/export?match[]=${metric}{id="${NAME}"}`);
        return (await response.text())
          .trim()
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line) as Exported);
      };
      for (const metric of COMPARED) {
        let found: Exported[] = [];
        await until(
          async () => {
            found = await export_(metric);
            return (found[0]?.values.length ?? 0) > 3;
          },
          () => `no ${metric}`,
        );
        const [{ timestamps, values }] = found as [Exported];
        const stored = timestamps.map((time, i) => ({ metric, timeUs: time * 1000, value: values[i]! }));
        await assertAsInApi(agent, NAME, stored, { metrics: [metric], resolutionUs: 1000 });
      }
    });
  });

  describe('redis', () => {
    const documents = (key: string, database = '0') =>
      redisCli('-n', database, 'LRANGE', key, '0', '-1').split('\n').filter(Boolean);

    it('has the numbers of the API in a list that does not grow, the newest first', async () => {
      const seen = new Set<string>();
      await until(
        () => {
          for (const document of documents('list', '1')) seen.add(document);
          return seen.size > 8;
        },
        () => `${seen.size} documents`,
      );
      await assertAsInApi(agent, NAME, [...seen].flatMap(numbersOfDocument));
      const times = documents('list', '1').map((document) => (JSON.parse(document) as { time: string }).time);
      assert.equal(times.length, 6);
      assert.deepEqual(times, [...times].sort().reverse());
    });

    it('has the numbers of the API in a stream', async () => {
      const entries = redisCli('XRANGE', 'stream', '-', '+')
        .split('\n')
        .filter((line) => line.startsWith('{'));
      await assertAsInApi(agent, NAME, entries.flatMap(numbersOfDocument));
    });

    it('has documents as cAdvisor’s driver wrote them, with the sample of API v1', async () => {
      const [newest] = documents('driver');
      const { timestamp, container_stats, ...names } = JSON.parse(newest!) as Record<string, unknown>;
      assert.deepEqual(names, { machine_name: 'h', container_Name: NAME });
      assert.deepEqual(container_stats, await sampleOfV1(timestamp));
    });

    it('loses and doubles nothing when the server is killed and comes back', async () => {
      await redis.end('SIGKILL');
      await until(
        () => /redis-stream.*cannot deliver/.test(agent.output),
        () => agent.output,
      );
      await redis.start();
      const times = () =>
        redisCli('XRANGE', 'stream', '-', '+')
          .split('\n')
          .filter((line) => line.startsWith('{'))
          .map((line) => (JSON.parse(line) as { time: string }).time);
      const before = times().length;
      await until(
        () => times().length > before + 3,
        () => 'nothing new',
      );
      const stats = await samplesOfApi<{ timestamp: string }>();
      const stored = times();
      const taken = stats
        .map(({ timestamp }) => timestamp)
        .filter((time) => time >= stored[0]! && time <= stored.at(-1)!);
      assert.deepEqual(stored, [...new Set(stored)].sort());
      // `resolution: last`: of two samples in one interval the earlier one is not sent.
      assert.ok(stored.length >= taken.length * 0.6, `${stored.length} of ${taken.length}`);
    });
  });

  describe('elasticsearch', () => {
    const stored = () => bulk.of('metrics-tallyman-default').map((document) => JSON.stringify(document));

    it('has the numbers of the API, in documents that a data stream takes', async () => {
      await until(
        () => stored().length > 40,
        () => `${bulk.problems}`,
      );
      await assertAsInApi(agent, NAME, stored().flatMap(numbersOfDocument));
      assert.deepEqual(bulk.problems, []);
      assert.ok(bulk.authorizations.has('ApiKey abc'));
    });

    it('has documents as cAdvisor’s driver wrote them, with the sample of API v1', async () => {
      const { timestamp, container_stats, ...names } = bulk.of('cadvisor').at(-1)!;
      assert.deepEqual(names, { machine_name: 'h', container_Name: NAME });
      assert.deepEqual(container_stats, await sampleOfV1(timestamp));
    });

    it('stores what was not stored for want of time, and nothing twice when an answer is lost', async () => {
      let refused = 0;
      bulk.refuse = ({ metrics }) => {
        const isRefused = refused < 2 && 'container_memory_failures_total' in ((metrics ?? {}) as object);
        if (!isRefused) return undefined;
        refused++;
        return { status: 429, type: 'es_rejected_execution_exception', reason: 'queue is full' };
      };
      await until(
        () => refused === 2 && bulk.conflicts > 0,
        () => `${refused} refused, ${bulk.conflicts} conflicts`,
      );
      const before = bulk.conflicts;
      bulk.loseNextAnswer = true;
      await until(
        () => bulk.conflicts > before,
        () => 'not sent again',
      );
      assert.match(agent.output, /documents are not stored now: 429 es_rejected_execution_exception queue is full/);
      const faults = bulk
        .of('metrics-tallyman-default')
        .filter(({ metrics }) => 'container_memory_failures_total' in (metrics as object));
      const times = new Set(faults.map((document) => document['@timestamp']));
      assert.equal(faults.length, times.size * 4, 'four documents of page faults at each instant');
    });

    it('counts documents that are refused for good, and says why once', async () => {
      bulk.refuse = ({ metrics }) =>
        metrics !== undefined && 'container_memory_failures_total' in (metrics as object)
          ? { status: 400, type: 'document_parsing_exception', reason: 'no such mapping' }
          : undefined;
      const dropped = async () => {
        const { series } = parseText(await (await fetch(`${agent.url}/metrics`)).text());
        const found = series.find(
          ({ name, labels }) =>
            name === 'tallyman_sink_dropped_total' && labels.sink === 'elasticsearch' && labels.reason === 'refused',
        );
        return found?.value ?? 0;
      };
      await until(
        async () => (await dropped()) >= 8,
        () => 'nothing counted',
      );
      bulk.refuse = () => undefined;
      assert.equal(agent.output.split('document_parsing_exception no such mapping').length - 1, 1);
    });
  });

  describe('statsd', () => {
    it('has numbers of the API, as tagged gauges and as plain ones', async () => {
      const plain = `h.${NAME.slice(1)}.container_memory_usage_bytes`;
      const taggedName = () =>
        [...statsd.gauges.keys()].find((name) => name.startsWith('container_memory_usage_bytes|#'));
      // A gauge may be of a sample that is newer than the API's answer.
      await until(
        async () => {
          const samples = await samplesOfApi<{ memory: { usage: number } }>();
          const usages = new Set(samples.map(({ memory }) => memory.usage));
          return [plain, taggedName() ?? ''].every((name) => usages.has(statsd.gauges.get(name)!));
        },
        () => `no gauges with numbers of the API: ${[...statsd.gauges].join('\n')}`,
      );
      assert.match(taggedName()!, new RegExp(`,id:${NAME}$`));
      assert.ok(statsd.gauges.has(`h.${NAME.slice(1)}.container_memory_failures_total.pgfault.container`));
    });

    it('sends negative numbers as such, and nothing that a daemon does not take', () => {
      assert.deepEqual(statsd.problems, []);
      assert.equal(statsd.gauges.get(`h.${NAME.slice(1)}.container_health_state`), -1);
      assert.ok(statsd.sizes.length > 4 && statsd.sizes.every((size) => size <= 1432));
    });
  });
});

interface InfluxSeries {
  readonly values: readonly (readonly [timeUs: number, value: number, ...tags: string[]])[];
}

interface Exported {
  readonly timestamps: readonly number[];
  readonly values: readonly number[];
}
