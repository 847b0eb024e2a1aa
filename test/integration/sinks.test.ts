// One agent with every sink, and the real servers: what they have is what the API says.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { until } from '../../src/testing/until.js';
import { AgentProcess } from '../support/agent-process.js';
import { freePort } from '../support/free-port.js';
import { needs } from '../support/needs.js';
import { RealCgroup } from '../support/real-cgroup.js';
import { answered, StandaloneServer, victoriaMetrics } from '../support/standalone-server.js';
import {
  assertAsInApi,
  COMPARED,
  COMPARED_OF_DRIVER,
  numbersOfDocument,
  type StoredNumber,
} from '../support/stored-numbers.js';

const NAME = `/tallyman-test-${process.pid}-sinks`;
const directory = mkdtempSync(join(tmpdir(), 'tallyman-test-sinks-'));
const FILE = join(directory, 'samples.ndjson');

describe('sinks and their servers', { skip: needs('cgroups', 'influxd', 'victoria-metrics', 'jq') }, () => {
  const cgroup = new RealCgroup(NAME);
  const servers: StandaloneServer[] = [];
  let influxUrl: string;
  let metricsUrl: string;
  let agent: AgentProcess;

  before(async () => {
    cgroup.create();
    await cgroup.run('while sleep 0.1; do head -c 100000 /dev/zero | sha256sum; done > /dev/null');
    influxUrl = await startInflux();
    metricsUrl = await startMetrics();
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
`);
  });

  after(async () => {
    await agent?.stop();
    for (const server of servers) await server.remove();
    await cgroup.remove();
    rmSync(directory, { recursive: true, force: true });
  });

  const common = () => `interval: 500ms, containersInclude: ["${NAME}"]`;

  async function started(server: StandaloneServer): Promise<void> {
    servers.push(server);
    await server.start();
  }

  async function startInflux(): Promise<string> {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const folders = mkdtempSync(join(directory, 'influx-'));
    const env = {
      INFLUXDB_REPORTING_DISABLED: 'true',
      INFLUXDB_BIND_ADDRESS: '127.0.0.1:0',
      INFLUXDB_HTTP_BIND_ADDRESS: `127.0.0.1:${port}`,
      INFLUXDB_META_DIR: `${folders}/meta`,
      INFLUXDB_DATA_DIR: `${folders}/data`,
      INFLUXDB_DATA_WAL_DIR: `${folders}/wal`,
    };
    const ready = () => answered(`${url}/ping`);
    await started(new StandaloneServer('influxd', () => ['run', '-config', '/dev/null'], { env, ready }));
    return url;
  }

  async function startMetrics(): Promise<string> {
    const port = await freePort();
    await started(victoriaMetrics(port));
    return `http://127.0.0.1:${port}`;
  }

  describe('file', () => {
    const lines = () => (existsSync(FILE) ? readFileSync(FILE, 'utf8').trimEnd().split('\n') : []);

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

    it('goes on in a new file when somebody renamed it', async () => {
      const before = lines().length;
      execFileSync('mv', [FILE, `${FILE}.moved`]);
      await until(
        () => lines().length > 0,
        () => 'no new file',
      );
      assert.ok(readFileSync(`${FILE}.moved`, 'utf8').trimEnd().split('\n').length >= before);
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
});

interface InfluxSeries {
  readonly values: readonly (readonly [timeUs: number, value: number, ...tags: string[]])[];
}

interface Exported {
  readonly timestamps: readonly number[];
  readonly values: readonly number[];
}
