// The mistakes of the older agent that the API versions mend (docs/compatibility.md names the test of each).
import assert from 'node:assert/strict';
import { after, it } from 'node:test';
import type { AgentView } from '../../src/kernel/contracts/index.js';
import { containerFromInfo, containerFromSpec, type FakeAgentOptions, fakeAgent } from './world/fake-agent.js';
import { golden, goldenObject } from './world/golden.js';
import { MACHINE, storageFor } from './world/recorded-agent.js';
import { appMetricsFromHistory } from './world/recorded-app-metrics.js';
import type { JsonObject } from './world/recorded-samples.js';
import { column } from './world/samples.js';
import { type Served, send, serveAgent } from './world/served.js';

const open: Served[] = [];
after(async () => {
  for (const { server, faults } of open) {
    await server.stop(0);
    assert.deepEqual(faults, []);
  }
});

async function over(options: FakeAgentOptions): Promise<(path: string, body?: string) => Promise<[number, string]>> {
  return overAgent(fakeAgent(options));
}

async function overAgent(agent: AgentView) {
  const served = await serveAgent(agent);
  open.push(served);
  return async (path: string, body?: string): Promise<[number, string]> => {
    const { status, body: text } = await send(served.url, path, body === undefined ? 'GET' : 'POST', body);
    return [status, text];
  };
}

const time = 1_764_000_000_000_000;
const graw = containerFromInfo(goldenObject('v1.3-containers-raw_graw.json'));
const limited = containerFromInfo(goldenObject('v1.3-containers-g-limits.json'));
const below = golden('v1.1-subcontainers-graw.json') as JsonObject[];

it('invalid counts are rejected, and an empty time range returns no samples', async () => {
  const get = await over({ containers: [graw] });
  assert.match((await get('/api/v1.3/containers/graw', '{"num_stats":-2}')).join(), /^400,invalid num_stats -2/);
  const range = '{"start":"2026-11-24T12:00:00Z","end":"2026-11-24T11:00:00Z"}';
  const [status, text] = await get('/api/v1.3/containers/graw', range);
  assert.equal(status, 200);
  assert.equal(JSON.parse(text).stats, undefined);
  for (const version of ['v1.3', 'v2.0', 'v2.1']) {
    const [refused, reason] = await get(`/api/${version}/events?max_events=-2`);
    assert.match(`${refused} ${reason}`, /^400 invalid max_events -2/);
    const impossible = 'start_time=2026-11-24T12:00:00Z&end_time=2026-11-24T11:00:00Z';
    assert.deepEqual(await get(`/api/${version}/events?all_events=1&${impossible}`), [200, '[]']);
  }
  assert.deepEqual(await get('/api/v2.0/stats/graw?count=-5'), [
    400,
    "invalid 'count' option: only -1 and larger values allowed, not -5\n",
  ]);
});

it('units, machines and pods list their child cgroups in v1, and runtime containers do not', async () => {
  for (const kind of ['unit', 'machine', 'pod', 'container'] as const) {
    const description = { ...graw.description, aliases: [kind], namespace: 'any', kind };
    const get = await over({ containers: [{ ...graw, description, children: ['/graw/below'] }] });
    const { subcontainers } = JSON.parse((await get('/api/v1.3/containers/graw'))[1]);
    assert.deepEqual(subcontainers, kind === 'container' ? undefined : [{ name: '/graw/below' }], kind);
  }
});

it('a trailing slash after a Docker container is stripped', async () => {
  const get = await over({ containers: [limited] });
  assert.deepEqual(await get('/api/v1.3/docker/g-limits/'), await get('/api/v1.3/docker/g-limits'));
  assert.deepEqual(await get('/api/v1.2/docker/g-limits/x'), [
    400,
    'unknown request for Docker container [g-limits x]\n',
  ]);
});

it('siblings are not descendants, and an unknown name is not found', async () => {
  const get = await over({ containers: below.map(containerFromInfo) });
  const [, text] = await get('/api/v1.1/subcontainers/graw');
  assert.deepEqual(
    JSON.parse(text).map(({ name }: { name: string }) => name),
    ['/graw', '/graw/child'],
  );
  for (const path of ['/api/v2.0/stats/graw?recursive=true', '/api/v2.1/stats/graw?recursive=true&count=0']) {
    assert.deepEqual(Object.keys(JSON.parse((await get(path))[1])), ['/graw', '/graw/child']);
  }
  assert.deepEqual(await get('/api/v1.1/subcontainers/gra'), [
    404,
    'failed to get subcontainers for container "/gra" with error: no containers found\n',
  ]);
  assert.deepEqual(await get('/api/v2.0/spec/gra?recursive=true'), [404, 'unknown container: "/gra"\n']);
});

it('containers without samples have empty lists', async () => {
  const fresh = { name: '/fresh' };
  const docker = { name: '/docker/a', namespace: 'docker', aliases: ['only'] };
  const get = await over({ containers: [{ name: '/' }, fresh, docker] });
  assert.deepEqual(await get('/api/v2.0/stats/fresh'), [200, '{"/fresh":[]}']);
  assert.match((await get('/api/v2.1/stats/fresh'))[1], /^\{"\/fresh":\{"spec":\{.*\}\}\}$/);
  assert.deepEqual(await get('/api/v2.1/machinestats'), [200, '[]']);
  assert.deepEqual(await get('/api/v2.1/machinestats?count=0'), [200, 'null']);
  assert.deepEqual(await get('/api/v2.1/machinestats?type=docker&recursive=true'), [
    400,
    'machinestats are those of "/", which is no docker container\n',
  ]);
  assert.deepEqual(await get('/api/v1.3/containers/fresh'), [
    404,
    'failed to get container "/fresh" with error: unable to find data in memory cache\n',
  ]);
  assert.deepEqual(await get('/api/v2.0/storage'), [404, 'unable to find data in memory cache\n']);
  const without = await over({});
  assert.deepEqual(await without('/api/v2.1/machinestats'), [404, 'unknown container "/"\n']);
});

it('v2 contains quota, period, processes and every network counter', async () => {
  const cells = [
    ...['tcp.Listen', 'udp.Listen', 'tcp_advanced.TCPTimeouts', 'processes.process_count', 'processes.fd_count'].map(
      (name, index) => [column(name), index + 1] as const,
    ),
    [column('network.rx_bytes', ['eth0']), 7] as const,
  ];
  const container = { ...limited, parts: ['network'] as const, samples: [{ time, cells }] };
  const get = await over({ containers: [container] });
  const flat = JSON.parse((await get(`/api/v2.0/stats${container.name}`))[1])[container.name][0];
  const { spec, stats } = JSON.parse((await get(`/api/v2.1/stats${container.name}`))[1])[container.name];
  assert.deepEqual([spec.cpu.quota, spec.cpu.period, spec.processes.limit], [25000, 50000, 50]);
  assert.equal(flat.has_processes, true);
  for (const sample of [flat, stats[0]]) {
    assert.equal(sample.processes.fd_count, 5);
    assert.deepEqual(
      [sample.network.tcp.Listen, sample.network.udp.Listen, sample.network.tcp_advanced.TCPTimeouts],
      [1, 2, 3],
    );
    assert.equal(sample.network.interfaces[0].rx_bytes, 7);
  }
});

it('misspelt and misplaced keys are accompanied by the correct form', async () => {
  const cells = ['usage', 'base_usage', 'inodes', 'read_time'].map(
    (name, index) => [column(`filesystem.${name}`, ['/dev/vda'], { type: 'vfs' }), index + 1] as const,
  );
  const container = { name: '/', parts: ['filesystem'] as const, samples: [{ time, cells }] };
  const get = await over({ containers: [container, { ...container, name: '/a' }] });
  const { filesystem } = JSON.parse((await get('/api/v2.1/stats/a'))[1])['/a'].stats[0];
  assert.deepEqual([filesystem.containter_inode_usage, filesystem.container_inode_usage], [3, 3]);
  const [machine] = JSON.parse((await get('/api/v2.1/machinestats'))[1])[0].filesystem;
  assert.deepEqual([machine.inline.read_duration, machine.read_duration], [4_000_000, 4_000_000]);
});

it('attributes contain huge pages, and the last known versions of Docker', async () => {
  const get = await over({ machine: MACHINE, docker: { version: '29.1', apiVersion: '1.52' }, version: '1.2.3' });
  const attributes = JSON.parse((await get('/api/v2.0/attributes'))[1]);
  assert.deepEqual(attributes.hugepages, MACHINE.hugepages);
  assert.deepEqual(
    [attributes.docker_version, attributes.docker_api_version, attributes.cadvisor_version],
    ['29.1', '1.52', 'v1.2.3'],
  );
  assert.deepEqual(await get('/api/v2.0/version'), [200, '"v1.2.3"']);
});

it('the interface of the default route comes first', async () => {
  const cells = [
    [column('network.rx_bytes', ['ifb0']), 1] as const,
    [column('network.rx_bytes', ['eth0'], { primary: 'true' }), 2] as const,
  ];
  const get = await over({ containers: [{ name: '/a', parts: ['network'], samples: [{ time, cells }] }] });
  const { network } = JSON.parse((await get('/api/v1.0/containers/a'))[1]).stats[0];
  assert.deepEqual([network.name, network.rx_bytes], ['eth0', 2]);
  assert.deepEqual(
    network.interfaces.map(({ name }: { name: string }) => name),
    ['ifb0', 'eth0'],
  );
});

it('application metrics are keyed by absolute name', async () => {
  const get = await over({ containers: [graw, limited] });
  assert.deepEqual(await get('/api/v2.0/appmetrics/g-limits?type=docker'), [200, `{"${limited.name}":{}}`]);
});

it('labels of application metrics are a map in addition to the known text', async () => {
  const [name, appMetrics] = recordedAppMetrics();
  const get = await over({ containers: [{ name, appMetrics }] });
  const metrics = JSON.parse((await get(`/api/v2.0/appmetrics${name}?count=1`))[1])[name];
  const { labels, float_value } =
    metrics.http_requests_total['__name__=http_requests_total\ufffdcode=200\ufffdmethod=get'][0];
  assert.deepEqual([labels, float_value], [{ code: '200', method: 'get' }, 17]);
  assert.equal(metrics.requests_total[''][0].labels, undefined);
});

it('an application metric of 0 has a value, and NaN has none', async () => {
  const at = '2026-11-24T11:07:19Z';
  const values = [{ label: '', timestamp: at, int_value: 0 }];
  const floats = ['0', 'NaN', 'Infinity'].map((float_value) => ({
    label: `x=${float_value}`,
    timestamp: at,
    float_value,
  }));
  const info = goldenObject('v1.3-docker-g-app.json') as { [key: string]: JsonObject };
  const [name, container] = Object.entries(info)[0]!;
  const sample = { ...(container.stats as JsonObject[])[0]!, timestamp: at, custom_metrics: { values, floats } };
  const get = await over({ containers: [containerFromInfo({ ...container, stats: [sample] } as JsonObject)] });
  const { stats } = JSON.parse((await get(`/api/v1.3/docker/${name.slice('/docker/'.length)}`))[1])[name];
  const { custom_metrics: printed } = stats[0];
  assert.equal(printed.values[0].int_value, 0);
  assert.deepEqual(
    printed.floats.map((value: JsonObject) => Object.keys(value)),
    [
      ['label', 'labels', 'timestamp', 'float_value'],
      ['label', 'labels', 'timestamp'],
      ['label', 'labels', 'timestamp'],
    ],
  );
});

function recordedAppMetrics() {
  const [name, metrics] = Object.entries(goldenObject('v2.0-appmetrics-g-app.json'))[0]!;
  return [name, appMetricsFromHistory(metrics as JsonObject)] as const;
}

it('storage by uuid is an object, by label a list', async () => {
  const storage = storageFor(golden('v2.0-storage-root.json') as JsonObject[]);
  const get = await over({ ...storage, uuids: { u1: '/dev/vda', u2: '/dev/vdb' } });
  const [, list] = await get('/api/v2.0/storage?label=root');
  assert.deepEqual(await get('/api/v2.0/storage?uuid=u1&label=other'), [200, list.slice(1, -1)]);
  assert.deepEqual(await get('/api/v2.0/storage?uuid=u2'), [404, 'cannot find device "/dev/vdb" in partitions\n']);
  assert.deepEqual(await get('/api/v2.0/storage?uuid=u3'), [404, 'cadvisor: no such device\n']);
});

it('"no limit" is printed as in cAdvisor for each cgroup version', async () => {
  const spec = (cgroupVersion: 1 | 2) => ({
    ...containerFromSpec(`/v${cgroupVersion}`, goldenObject('v2.0-spec-g-limits.json')[limited.name] as JsonObject),
    limits: {
      cgroupVersion,
      hasMemory: true,
      memory: { limit: cgroupVersion === 1 ? 9223372036854771712n : ('unlimited' as const) },
      hasProcesses: true,
      processes: { limit: 'unlimited' as const },
    },
  });
  const get = await over({ containers: [spec(1), spec(2)] });
  const text = async (name: string) =>
    /"has_memory".*?,"has_network"/.exec((await get(`/api/v2.0/spec${name}`))[1])![0];
  assert.match(await text('/v1'), /"memory":\{"limit":9223372036854771712\}.*"processes":\{\}/);
  assert.match(
    await text('/v2'),
    /"memory":\{"limit":18446744073709551615\}.*"processes":\{"limit":18446744073709551615\}/,
  );
});

it('containers without a summary are omitted, and no summary at all is an error', async () => {
  const none = { present: false, mean: 0, std: 0, max: 0, fifty: 0, ninety: 0, ninetyfive: 0, count: 0 };
  const usage = { percentComplete: 0, cpu: none, memory: none };
  const summary = { time: 0, latest: { cpu: 0, memory: 0 }, minute: usage, hour: usage, day: usage };
  const get = await over({ containers: [{ name: '/a', limits: { hasCpu: true }, summary }, { name: '/a/b' }] });
  assert.deepEqual(Object.keys(JSON.parse((await get('/api/v2.0/summary/a?recursive=true'))[1])), ['/a']);
  assert.deepEqual(await get('/api/v2.0/summary/a/b'), [
    404,
    'partial failures: ["/a/b": DerivedStats: derived stats not enabled for container "/a/b"]\n',
  ]);
});

it('max_age samples the requested containers first', async () => {
  const refreshed: unknown[] = [];
  const get = await over({ containers: [graw], onRefresh: (...call) => refreshed.push(call) });
  assert.equal((await get('/api/v2.0/stats/graw?max_age=1m30s&recursive=true'))[0], 200);
  assert.deepEqual(refreshed, [[['/graw'], 90_000_000]]);
  assert.match((await get('/api/v2.0/version?max_age=soon')).join(), /^400,failed to parse 'max_age' option: soon/);
});

it('a request without children does not affect the freshness of the next', async () => {
  const children = ['/graw/child'];
  const get = await over({ containers: [{ ...graw, children }] });
  await get('/api/v2.0/spec/graw');
  children.push('/graw/new');
  const { subcontainers } = JSON.parse((await get('/api/v1.0/containers/graw'))[1]);
  assert.deepEqual(subcontainers, [{ name: '/graw/child' }, { name: '/graw/new' }]);
});

it('a wrong request is 400, an unknown container 404, whatever the method', async () => {
  const get = await over({ containers: [graw] });
  for (const body of [undefined, '{}']) {
    assert.equal((await get('/api/v1.3/bogus', body))[0], 400);
    assert.equal((await get('/api/v9.9/machine', body))[0], 400);
    assert.equal((await get('/api/v2.0/spec/graw?type=rkt', body))[0], 400);
    assert.equal((await get('/api/v1.3/containers/nope', body))[0], 404);
    assert.equal((await get('/api/v2.0/ps/nope', body))[0], 404);
  }
});
