import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import type { CliEnvironment } from '../environment.js';
import { runCli } from '../program.js';
import { FLAGS } from './flags.js';
import { importFlags, renderImported } from './index.js';
import { wordsOf } from './words.js';

/** The flags of the contract, section 19, with those that metric sets and drivers bring. */
const CONTRACT = `listen_ip port max_procs version http_auth_file http_digest_file http_auth_realm http_digest_realm
prometheus_endpoint profiling collector_cert collector_key store_container_labels whitelisted_container_labels
url_base_prefix raw_cgroup_prefix_whitelist disable_metrics enable_metrics storage_driver storage_duration
housekeeping_interval max_housekeeping_interval allow_dynamic_housekeeping global_housekeeping_interval
update_machine_info_interval enable_load_reader log_cadvisor_usage event_storage_age_limit event_storage_event_limit
application_metrics_count_limit machine_id_file boot_id_file container_hints docker_only disable_root_cgroup_stats docker
docker-tls docker-tls-cert docker-tls-key docker-tls-ca docker_env_metadata_whitelist docker_root containerd
containerd-namespace podman env_metadata_whitelist perf_events_config resctrl_interval referenced_reset_interval
crio_client_timeout initial_splay_factor jitter_factor`.split(/\s+/);
const DRIVER_FLAGS = ['user', 'password', 'host', 'db', 'table', 'secure', 'buffer_duration'].map(
  (name) => `storage_driver_${name}`,
);

const directory = mkdtempSync(join(tmpdir(), `tallyman-test-${process.pid}-`));
after(() => rmSync(directory, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

/** Without what every import without an address has. */
function imported(line: string) {
  const { config, without } = importFlags([line]);
  const { web, ...rest } = config as { web?: Record<string, unknown> };
  return { web, ...rest, without: without.map(({ flag, text }) => `${flag}: ${text}`) };
}

/** The command, its status and what it printed. */
async function run(...args: string[]) {
  let out = '';
  let error = '';
  const cli: CliEnvironment = {
    env: {},
    out(text) {
      out += text;
    },
    error(text) {
      error += text;
    },
    notice: () => true,
  };
  return { status: await runCli(['import-flags', ...args], cli), out, error };
}

describe('flags of cAdvisor', () => {
  it('each is converted or has a reason why not', () => {
    for (const name of CONTRACT) assert.ok(Object.hasOwn(FLAGS, name), name);
    for (const name of DRIVER_FLAGS) {
      assert.match(
        importFlags([`cadvisor --${name}=x`]).without[0]!.text,
        /^read by a storage driver, none is chosen/,
        name,
      );
    }
    const odd = imported('cadvisor --prot=1 --storage_driver_password=secret');
    assert.match(odd.without[0]!, /cAdvisor has no such flag; did you mean --port\?$/);
    assert.match(odd.without[1]!, /^--storage_driver_password=…: /, 'secrets are not repeated');
  });

  it('without flags cAdvisor’s address and Tallyman’s defaults are used', () => {
    const { config, without, remarks } = importFlags(['/usr/bin/cadvisor']);
    assert.deepEqual(config, { web: { listen: [':8080'], allowUnauthenticated: true } });
    assert.deepEqual(without, []);
    assert.equal(remarks.length, 1);
  });

  it('accepts one or two dashes, values after a space or an equals sign, and uses the last value', () => {
    const { web, ...rest } = imported(
      'cadvisor -listen_ip 127.0.0.1 --port 1 -port=8081 -allow_dynamic_housekeeping=false',
    );
    assert.deepEqual(web, { listen: ['127.0.0.1:8081'] });
    assert.deepEqual(rest, { housekeeping: { dynamic: false }, without: [] });
  });

  it('converts intervals, retention and counts', () => {
    const line =
      'cadvisor --housekeeping_interval=2m --storage_duration=1h30m --global_housekeeping_interval=5m ' +
      '--update_machine_info_interval=1m --event_storage_age_limit=oom=10m,default=1h --event_storage_event_limit=default=5 ' +
      '--application_metrics_count_limit=7 --jitter_factor=0.5 --machine_id_file=/a,/b --boot_id_file=/c';
    const { web: _, ...rest } = imported(line);
    const kept = { age: '1h', count: 5 };
    assert.deepEqual(rest, {
      housekeeping: { interval: '2m', jitter: 0.5, maxInterval: '2m' },
      history: { duration: '1h30m' },
      discovery: { rescanInterval: '5m' },
      machine: { refreshInterval: '1m', machineIdFiles: ['/a', '/b'], bootIdFiles: ['/c'] },
      events: { containerCreation: kept, containerDeletion: kept, oom: { age: '10m', count: 5 }, oomKill: kept },
      appMetrics: { maxMetrics: 7 },
      without: [],
    });
  });

  it('converts storage drivers to sinks that keep cAdvisor’s metric names', () => {
    const sinksOf = (line: string) => imported(line) as { plugins?: unknown; without: string[] };
    const influx = sinksOf(
      'cadvisor -storage_driver=influxdb -storage_driver_host=influx:8086 -storage_driver_db=d -storage_driver_user=u ' +
        '-storage_driver_password=p -storage_driver_secure -storage_driver_buffer_duration=30s -storage_driver_influxdb_retention_policy=r',
    );
    assert.deepEqual(influx.plugins, [
      {
        use: 'influxdb',
        with: {
          url: 'https://influx:8086',
          database: 'd',
          retentionPolicy: 'r',
          basicAuth: { username: 'u', password: 'p' },
          resolution: 'all',
          layout: 'cadvisor',
          interval: '30s',
        },
      },
    ]);
    assert.deepEqual(influx.without, []);
    const two = sinksOf(
      'cadvisor -storage_driver=redis,elasticsearch -storage_driver_host=r:6379 -storage_driver_es_type=t',
    );
    assert.deepEqual(two.plugins, [
      { use: 'redis', with: { url: 'redis://r:6379', key: 'cadvisor', layout: 'cadvisor', interval: '60s' } },
      { use: 'elasticsearch', with: { url: 'http://localhost:9200', index: 'cadvisor', layout: 'cadvisor' } },
    ]);
    assert.deepEqual(two.without, ['--storage_driver_es_type=t: Elasticsearch has had no types since version 7']);
    const kafka = sinksOf(
      'cadvisor -storage_driver=kafka -storage_driver_kafka_broker_list=a:1,b:2 -storage_driver_kafka_ssl_cert=/c ' +
        '-storage_driver_kafka_ssl_key=/k -storage_driver_kafka_ssl_ca=/a -storage_driver_kafka_ssl_verify=false',
    );
    const tls = { cert: '/c', key: '/k', ca: '/a', verify: false };
    assert.deepEqual(kafka.plugins, [
      { use: 'kafka', with: { brokers: ['a:1', 'b:2'], topic: 'stats', secure: true, tls, layout: 'cadvisor' } },
    ]);
    const plain = sinksOf('cadvisor -storage_driver=statsd,stdout,bigquery -storage_driver_host=s:8125');
    assert.deepEqual(plain.plugins, [
      { use: 'statsd', with: { address: 's:8125', tags: 'none' } },
      { use: 'file', with: { path: '-' } },
    ]);
    assert.match(plain.without.join(), /^--storage_driver=bigquery: there is no sink for it/);
  });

  it('converts storage drivers to a configuration that the agent accepts', async () => {
    for (const driver of ['influxdb', 'redis', 'elasticsearch', 'kafka', 'statsd', 'stdout']) {
      const { status, out, error } = await run(`cadvisor -storage_driver=${driver} -storage_driver_host=h:1`);
      assert.equal(status, 0, error);
      assert.match(out, /use: (influxdb|redis|elasticsearch|kafka|statsd|file)/);
    }
  });

  it('converts authentication and prefers Basic', () => {
    const { web, without } = imported('cadvisor --http_auth_file=/a --http_digest_file=/b --http_auth_realm=here');
    assert.deepEqual(web, { auth: { basic: { file: '/a', realm: 'here' } }, listen: [':8080'] });
    assert.deepEqual(without, ['--http_digest_file=/b: Basic wins when both are given']);
    const digest = imported('cadvisor --http_digest_file=/b').web;
    assert.deepEqual(digest, { auth: { digest: { file: '/b', realm: 'localhost' } }, listen: [':8080'] });
  });

  it('a list of metric sets replaces the default list, and sets that it does not name are enabled', () => {
    const names = (line: string) =>
      (importFlags([line]).config.plugins as { use: string; enabled?: boolean }[]).map(({ use, enabled }) =>
        enabled === false ? `-${use}` : use,
      );
    assert.deepEqual(
      names('cadvisor --disable_metrics=percpu,tcp,udp,sched,process,memory_numa,cpuset,hugetlb,cpu_topology'),
      ['-percpu', 'advtcp', 'referenced_memory', 'resctrl'],
    );
    assert.deepEqual(names('cadvisor --disable_metrics=disk --enable_metrics=cpu,memory,tcp').sort(), [
      '-app-prometheus',
      '-app-regex',
      '-disk',
      '-diskIO',
      '-network',
      '-oom_event',
      '-percpu',
      '-pressure',
      'tcp',
    ]);
    assert.match(imported('cadvisor --disable_metrics=nonsense').without[0]!, /there is no metric set nonsense/);
    assert.match(
      imported('cadvisor --enable_metrics=perf_event').without[0]!,
      /nothing gives the numbers of perf_event/,
    );
  });

  it('converts flags that are options of plugins', () => {
    const line =
      'cadvisor --docker=tcp://h:2376 --docker-tls --docker-tls-ca=/ca --docker_env_metadata_whitelist=A --env_metadata_whitelist=B ' +
      '--podman=unix:///p --docker_only --raw_cgroup_prefix_whitelist=/a,/b/ --store_container_labels=false ' +
      '--whitelisted_container_labels=x,y --prometheus_endpoint=/m --profiling --collector_cert=/c --enable_load_reader';
    const { plugins } = importFlags([line]).config as { plugins: { use: string; with?: unknown }[] };
    const of = (use: string) => plugins.find((plugin) => plugin.use === use)?.with;
    assert.deepEqual(of('docker'), {
      endpoint: 'https://h:2376',
      tls: { cert: 'cert.pem', key: 'key.pem', ca: '/ca' },
      envAllow: ['A', 'B*'],
    });
    assert.deepEqual(of('podman'), { endpoint: 'unix:///p', envAllow: ['B*'] });
    assert.deepEqual(of('raw'), { include: ['/', '/a*', '/a*/**', '/b/**'] });
    assert.deepEqual(of('prometheus'), { path: '/m', labelAllow: ['x', 'y'] });
    assert.deepEqual(of('app-regex'), { tls: { cert: '/c' } });
    assert.ok(plugins.some(({ use }) => use === 'profiling') && plugins.some(({ use }) => use === 'cpuLoad'));
  });

  it('converts the flags of containerd for the plugins containerd and cri', () => {
    const line =
      'cadvisor --containerd=/run/k3s/containerd/containerd.sock --containerd-namespace=shop ' +
      '--containerd_env_metadata_whitelist=A,B* --crio_client_timeout=3s';
    const { config, without } = importFlags([line]);
    const { plugins } = config as { plugins: { use: string; with?: unknown }[] };
    const of = (use: string) => plugins.find((plugin) => plugin.use === use)?.with;
    const endpoint = 'unix:///run/k3s/containerd/containerd.sock';
    assert.deepEqual(of('containerd'), { endpoint, namespaces: ['shop'], envAllow: ['A*', 'B*'] });
    assert.deepEqual(of('cri'), { endpoint, timeout: '3s', envAllow: ['A*', 'B*'] });
    assert.deepEqual(without, []);
  });

  it('any flags give a configuration that is parsed to the same value', async () => {
    const value = fc.oneof(
      fc.string(),
      fc.constantFrom('true', 'false', '1', '30s', '/x', 'a,b', 'default=1h', '0.5', ''),
    );
    const flag = fc
      .tuple(fc.constantFrom(...Object.keys(FLAGS), 'odd'), value)
      .map(([name, text]) => `--${name}=${text}`);
    fc.assert(
      fc.property(fc.array(flag), (flags) => {
        const made = importFlags(['cadvisor', ...flags]);
        assert.deepEqual(parse(renderImported(made)) ?? {}, made.config);
      }),
    );
  });
});

describe('the command import-flags', () => {
  const GOOD: readonly (readonly [name: string, value: string])[] = [
    ['listen_ip', '10.0.0.1'],
    ['listen_ip', '::1'],
    ['http_auth_file', 'auth.htpasswd'],
    ['url_base_prefix', '/monitoring/'],
    ['prometheus_endpoint', ''],
    ['disable_metrics', ''],
    ['housekeeping_interval', '1ms'],
    ['docker', 'unix:///run/docker.sock'],
    ['raw_cgroup_prefix_whitelist', '/kube{pods},/x[1]'],
    ['event_storage_age_limit', 'default=0'],
    ['jitter_factor', '3'],
    ['store_container_labels', 'false'],
    ['docker_only', 'true'],
  ];

  it('prints a configuration that loads, for each flag and for all together', async () => {
    for (const [name, value] of GOOD) {
      const { status, error } = await run(`cadvisor --${name}=${value}`);
      assert.equal(status, 0, `${name}: ${error}`);
    }
    const all = await run(['cadvisor', ...GOOD.map(([name, value]) => `--${name}=${value}`)].join(' '));
    assert.equal(all.status, 0, all.error);
  });

  it('reports flags that Tallyman rejects and flags without an equivalent', async () => {
    const { status, out, error } = await run('--docker=nonsense:', '--max_procs=4');
    assert.equal(status, 78);
    assert.match(error, /^tallyman: correct plugins\[0\]\.with\.endpoint: /m);
    assert.match(error, /^tallyman: without an equivalent: --max_procs=4: one thread/m);
    assert.match(out, /^# {3}--max_procs=4: one thread/m);
  });

  it('accepts cAdvisor’s flags unquoted, even those named like its own', async () => {
    const { status, out } = await run('--port=8081', '--listen_ip=127.0.0.1');
    assert.equal(status, 0);
    assert.deepEqual(parse(out).web.listen, ['127.0.0.1:8081']);
  });
});

describe('command lines', () => {
  const listenOf = (...given: string[]) => (importFlags(given).config as { web: { listen: string[] } }).web.listen[0];

  it('are parsed from docker run', () => {
    const line = `sudo docker run --volume=/:/rootfs:ro --publish=8080:8080 --name=cadvisor \\
      gcr.io/cadvisor/cadvisor:v0.36.0 --port=1 "--url_base_prefix=/a b"`;
    const { config } = importFlags([line]);
    assert.deepEqual(config.web, { urlBasePrefix: '/a b', listen: [':1'], allowUnauthenticated: true });
  });

  it('are parsed from a compose file, as a list or a string, and from a manifest', () => {
    const compose = (command: string) =>
      file(
        'compose.yaml',
        `services:\n  web: {image: nginx}\n  stats:\n    image: gcr.io/cadvisor/cadvisor:v0.47.2\n    command: ${command}\n`,
      );
    assert.equal(listenOf(compose("['--port=2', '--docker_only=true']")), ':2');
    assert.equal(listenOf(compose('"--port=3 -docker_only"')), ':3');
    const manifest = file(
      'daemonset.yaml',
      'kind: Service\n---\nspec: {template: {spec: {containers: [{image: "registry/cadvisor@sha256:ab", args: ["--port=4"]}]}}}\n',
    );
    assert.equal(listenOf(manifest), ':4');
  });

  it('are parsed from a systemd unit', () => {
    const unit = (command: string) =>
      file('cadvisor.service', `[Service]\nExecStartPre=/bin/true\nExecStart=${command}\n`);
    assert.equal(listenOf(unit('-/usr/bin/cadvisor \\\n  -port=5 \\\n  -docker_only')), ':5');
    assert.equal(listenOf(unit('/usr/bin/docker run --rm google/cadvisor:latest -port=6')), ':6');
    const { without } = importFlags([unit('/usr/bin/cadvisor $OPTIONS')]);
    assert.deepEqual(without, [{ flag: '$OPTIONS', text: 'a variable: write out what it holds' }]);
  });

  it('a file that does not run cAdvisor is an error', () => {
    assert.throws(() => importFlags([file('other.yaml', 'services: {web: {image: nginx}}')]), /runs no cAdvisor/);
    assert.throws(() => importFlags([file('broken.yaml', 'a: [')]), /runs no cAdvisor/);
  });

  it('are split by the quoting rules of a shell, and never throw', () => {
    assert.deepEqual(wordsOf(`a 'b c' "d \\" e" f\\ g '' h"i"j`), ['a', 'b c', 'd " e', 'f g', '', 'hij']);
    fc.assert(fc.property(fc.string(), (line) => Array.isArray(wordsOf(line))));
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[^'\\"\s]+$/)), (words) => {
        assert.deepEqual(wordsOf(words.map((word) => `'${word}'`).join(' ')), words);
      }),
    );
  });
});
