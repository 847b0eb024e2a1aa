// What config/fleet and config/prometheus give for many hosts, as far as it can be tried without an engine: the files are
// what Compose, Grafana, Prometheus and VictoriaMetrics read, and a store that is configured by them has the recorded series.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { until } from '../../src/testing/clock.js';
import { projectRoot } from '../project.js';
import { AgentProcess } from '../support/agent-process.js';
import { freePort } from '../support/free-port.js';
import { needs } from '../support/needs.js';
import type { QueryResult } from '../support/prometheus-server.js';
import { answered, StandaloneServer, victoriaMetrics } from '../support/standalone-server.js';

const FLEET = join(projectRoot, 'config/fleet');
const RULES = join(projectRoot, 'config/prometheus');
const HOST = 'test-host';

/** Keys that Compose files of `docker compose` and `docker stack deploy` may have, as far as ours have them. */
const TOP_KEYS = ['configs', 'networks', 'secrets', 'services', 'version', 'volumes'];
const SERVICE_KEYS = [
  ...[
    'cap_add',
    'cap_drop',
    'command',
    'environment',
    'hostname',
    'image',
    'networks',
    'ports',
    'read_only',
    'volumes',
  ],
];
const COMPOSE_KEYS = [...SERVICE_KEYS, 'depends_on', 'devices', 'restart', 'security_opt', 'tmpfs'];
const STACK_KEYS = [...SERVICE_KEYS, 'configs', 'deploy', 'secrets'];
const DEPLOY_KEYS = ['mode', 'placement', 'resources', 'restart_policy', 'update_config'];

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  /** A tmpfs has no source. */
  readonly volumes?: readonly (string | { readonly source?: string })[];
  readonly configs?: readonly { readonly source: string; readonly target: string }[];
  readonly networks?: readonly string[];
  readonly secrets?: readonly string[];
  readonly ports?: readonly string[];
  readonly depends_on?: readonly string[];
  readonly deploy?: Readonly<Record<string, unknown>>;
}

interface ComposeFile {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly networks?: Readonly<Record<string, unknown>>;
  readonly secrets?: Readonly<Record<string, unknown>>;
  readonly configs?: Readonly<Record<string, { readonly file: string }>>;
}

const readYaml = <T>(path: string): T => parse(readFileSync(path, 'utf8'), { merge: true }) as T;
const unknownKeys = (value: object, known: readonly string[]) =>
  Object.keys(value).filter((key) => !known.includes(key));
const run = (program: string, ...args: string[]) => spawnSync(program, args, { encoding: 'utf8' });

describe('config/fleet', () => {
  const compose = readYaml<ComposeFile>(join(FLEET, 'compose.yaml'));
  const stack = readYaml<ComposeFile>(join(FLEET, 'stack.yaml'));

  it('has the agent, a store, alerts and dashboards, with keys that Compose knows', () => {
    for (const [file, keys] of [
      [compose, COMPOSE_KEYS],
      [stack, STACK_KEYS],
    ] as const) {
      assert.deepEqual(unknownKeys(file, TOP_KEYS), []);
      assert.deepEqual(Object.keys(file.services), ['tallyman', 'victoria-metrics', 'vmalert', 'grafana']);
      for (const [name, service] of Object.entries(file.services)) {
        assert.deepEqual(unknownKeys(service, keys), [], name);
        assert.deepEqual(unknownKeys(service.deploy ?? {}, DEPLOY_KEYS), [], name);
      }
    }
  });

  it('names files, volumes, networks, secrets and services that exist', () => {
    for (const file of [compose, stack]) {
      for (const { volumes = [], configs = [], networks = [], secrets = [], depends_on = [] } of Object.values(
        file.services,
      )) {
        for (const volume of volumes) {
          const source = typeof volume === 'string' ? volume.split(':')[0] : volume.source;
          if (source === undefined) continue;
          if (source.startsWith('.')) assert.ok(existsSync(resolve(FLEET, source)), source);
          else assert.ok(source.startsWith('/') || source in file.volumes, source);
        }
        for (const { source } of configs) assert.ok(source in file.configs!, source);
        for (const network of networks) assert.ok(network in file.networks!, network);
        for (const secret of secrets) assert.ok(secret in file.secrets!, secret);
        for (const service of depends_on) assert.ok(service in file.services, service);
      }
      for (const { file: path } of Object.values(file.configs ?? {})) assert.ok(existsSync(resolve(FLEET, path)), path);
    }
  });

  it('publishes the ports of compose.yaml on loopback only, and runs an agent on every node of a swarm', () => {
    const ports = Object.values(compose.services).flatMap(({ ports = [] }) => ports);
    assert.deepEqual(
      ports.map((port) => port.replace(/:\d+:\d+$/, '')),
      ['127.0.0.1', '127.0.0.1', '127.0.0.1'],
    );
    assert.equal(stack.services.tallyman!.deploy!.mode, 'global');
    assert.equal(stack.services.tallyman!.ports, undefined);
  });

  it('gives the agent no more privileges than docs/service.md does', () => {
    const page = readFileSync(join(projectRoot, 'docs/service.md'), 'utf8');
    const { cap_add, cap_drop, read_only } = compose.services.tallyman as unknown as Record<string, string[] | boolean>;
    assert.deepEqual([cap_drop, read_only], [['ALL'], true]);
    for (const capability of cap_add as string[]) assert.ok(page.includes(`--cap-add ${capability}`), capability);
  });

  it('provisions Grafana with a source that exists and every dashboard of config/grafana', () => {
    const sources = readYaml<{ datasources: { url: string; type: string }[] }>(join(FLEET, 'grafana/datasources.yml'));
    const { providers } = readYaml<{ providers: { options: { path: string } }[] }>(
      join(FLEET, 'grafana/dashboards.yml'),
    );
    const [{ url, type }] = sources.datasources as [{ url: string; type: string }];
    assert.deepEqual([new URL(url).hostname in compose.services, type], [true, 'prometheus']);
    const path = providers[0]!.options.path;
    assert.ok(compose.services.grafana!.volumes!.includes(`../grafana:${path}:ro`));
    const given = stack.services.grafana!.configs!.filter(({ target }) => dirname(target) === path);
    const files = given.map(({ source }) => resolve(FLEET, stack.configs![source]!.file)).sort();
    const dashboards = readdirSync(join(projectRoot, 'config/grafana')).sort();
    assert.deepEqual(
      files,
      dashboards.map((name) => join(projectRoot, 'config/grafana', name)),
    );
  });
});

describe('docker-compose', { skip: needs('docker-compose') }, () => {
  const config = (file: string, variables: Readonly<Record<string, string>> = {}) =>
    spawnSync('docker-compose', ['--file', join(FLEET, file), 'config'], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, LANG: 'C.UTF-8', ...variables },
    });

  it('takes compose.yaml, with the store’s variable from the environment', () => {
    const { status, stdout, stderr } = config('compose.yaml', { FLEET_HOST: HOST, GRAFANA_PASSWORD: 'secret' });
    assert.equal(status, 0, stderr);
    const { services } = parse(stdout) as { services: Record<string, { environment?: Record<string, string> }> };
    assert.deepEqual(Object.keys(services).sort(), ['grafana', 'tallyman', 'victoria-metrics', 'vmalert']);
    assert.equal(services['victoria-metrics']!.environment!.FLEET_HOST, HOST);
  });

  it('says which variable of compose.yaml is missing', () => {
    const { status, stderr } = config('compose.yaml', { FLEET_HOST: HOST });
    assert.notEqual(status, 0);
    assert.match(stderr, /set GRAFANA_PASSWORD to the password of the user admin/);
  });

  it('takes stack.yaml', () => {
    const { status, stderr } = config('stack.yaml');
    assert.equal(status, 0, stderr);
  });
});

describe('Prometheus', { skip: needs('promtool') }, () => {
  it('takes config/prometheus/discovery.yml', () => {
    const { scrape_configs, ...rest } = readYaml<{ scrape_configs: Record<string, unknown>[] }>(
      join(RULES, 'discovery.yml'),
    );
    // Debian's is built without Kubernetes; VictoriaMetrics, below, knows that one.
    const known = scrape_configs.filter((job) => !('kubernetes_sd_configs' in job));
    assert.equal(known.length, scrape_configs.length - 1);
    const file = join(mkdtempSync(join(tmpdir(), 'tallyman-test-')), 'prometheus.yml');
    writeFileSync(file, JSON.stringify({ ...rest, rule_files: [], scrape_configs: known }));
    const checked = run('promtool', 'check', 'config', '--syntax-only', file);
    rmSync(dirname(file), { recursive: true });
    assert.equal(checked.status, 0, checked.stderr);
  });
});

describe('a store as config/fleet configures it', { skip: needs('victoria-metrics', 'vmalert') }, () => {
  let agent: AgentProcess;
  let store: StandaloneServer;
  let rules: StandaloneServer;
  let url: string;
  let attempts = 0;

  before(async () => {
    agent = await AgentProcess.start('plugins: [{ use: docker, enabled: false }, { use: podman, enabled: false }]');
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    store = victoriaMetrics(port, (directory) => [`-promscrape.config=${directory}/scrape.yml`], { FLEET_HOST: HOST });
    const target = new URL(agent.url).host;
    const hosts = store.write('hosts.yml', `- { targets: ["${target}"], labels: { cluster: other } }`);
    const scrape = readFileSync(join(FLEET, 'scrape.yml'), 'utf8');
    const here = [
      ['tallyman:8080', target],
      ['/etc/fleet/hosts.yml', hosts],
      ['15s', '1s'],
    ] as const;
    store.write(
      'scrape.yml',
      here.reduce((text, [there, where]) => text.replace(there, where), scrape),
    );
    await store.start();
    const rulesPort = await freePort();
    rules = await new StandaloneServer(
      'vmalert',
      () => [
        `-httpListenAddr=127.0.0.1:${rulesPort}`,
        ...['datasource', 'remoteWrite', 'remoteRead'].map((flag) => `-${flag}.url=${url}`),
        // Stands for -notifier.blackhole, which Debian's does not have yet.
        `-notifier.url=${url}`,
        `-rule=${RULES}/*.rules.yml`,
        '-evaluationInterval=1s',
        '-remoteWrite.flushInterval=1s',
        '-datasource.lookback=1s',
      ],
      { ready: () => answered(`http://127.0.0.1:${rulesPort}/health`) },
    ).start();
  });

  after(async () => {
    await rules?.remove();
    await store?.remove();
    await agent?.stop();
  });

  /** @param selector a metric's name */
  async function query(selector: string): Promise<readonly QueryResult[]> {
    // What a selector found is remembered for ten seconds, also when it was nothing.
    attempts++;
    const expression = encodeURIComponent(`${selector}{attempt!="${attempts}"}`);
    const response = await fetch(`${url}/api/v1/query?query=${expression}`);
    return ((await response.json()) as { data: { result: QueryResult[] } }).data.result;
  }

  it('takes the scrape files, strictly, and the rules', () => {
    for (const file of [join(FLEET, 'scrape.yml'), join(FLEET, 'scrape-swarm.yml')]) {
      const checked = run(
        'victoria-metrics',
        `-promscrape.config=${file}`,
        '-promscrape.config.strictParse',
        '-dryRun',
      );
      assert.equal(checked.status, 0, checked.stderr);
    }
    const { scrape_configs } = readYaml<{ scrape_configs: object[] }>(join(RULES, 'discovery.yml'));
    const file = store.write('discovery.yml', JSON.stringify({ scrape_configs }));
    const checked = run('victoria-metrics', `-promscrape.config=${file}`, '-promscrape.config.strictParse', '-dryRun');
    assert.equal(checked.status, 0, checked.stderr);
    const tried = run('vmalert', `-rule=${RULES}/*.rules.yml`, '-dryRun');
    assert.equal(tried.status, 0, tried.stderr);
  });

  it('has the hosts of both jobs, each with its labels', async () => {
    let hosts: string[] = [];
    // A scrape that comes late leaves a gap.
    await until(
      async () => {
        hosts = (await query('tallyman_build_info')).map(({ metric: { cluster, host } }) => `${cluster} ${host}`);
        return hosts.length >= 2;
      },
      () => `only ${hosts}`,
    );
    assert.deepEqual(hosts.sort(), [`main ${HOST}`, 'other 127.0.0.1']);
  });

  it('gets what the rules record', async () => {
    for (const name of ['cluster:hosts:count', 'host:memory:ratio', 'host:samples_missed:ratio10m']) {
      await until(
        async () => (await query(name)).length === 2,
        () => `no ${name}`,
      );
    }
    for (const { value } of await query('host:memory:ratio')) assert.ok(Number(value[1]) > 0 && Number(value[1]) <= 1);
  });
});
