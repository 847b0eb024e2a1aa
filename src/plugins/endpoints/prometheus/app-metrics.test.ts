import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fakeAgent } from '../../../../test/conformance/world/fake-agent.js';
import { metricsEndpoint, scrapable } from '../../../../test/support/exposition.js';
import type {
  AppMetricSample,
  AppMetricSpec,
  AppMetricsSnapshot,
  AppTargetStatus,
  ContainerAppMetrics,
} from '../../../kernel/contracts/index.js';

const TIME = 1_795_518_450_605_123;

function snapshot(samples: readonly AppMetricSample[]): AppMetricsSnapshot {
  const series = samples.map(({ name, labels = {}, value }) => ({
    name,
    labels,
    label: '',
    format: typeof value === 'bigint' ? ('int' as const) : ('float' as const),
  }));
  return { time: TIME, series, values: Float64Array.from(samples, ({ value }) => Number(value)) };
}

const status: AppTargetStatus = {
  plugin: 'app-regex',
  name: 'page',
  interval: 1000,
  up: false,
  collections: 5,
  failures: 2,
  missed: 0,
  problems: [],
  dropped: 3,
  duration: 250,
};

const SPECS: readonly AppMetricSpec[] = [
  { name: 'jobs_total', type: 'cumulative', format: 'int', units: '', help: 'Jobs done,\nof any kind.' },
  { name: 'visits', type: 'cumulative', format: 'int', units: '' },
  { name: 'depth', type: 'gauge', format: 'int', units: '', help: 'Jobs waiting.' },
  { name: 'delay', type: 'HISTOGRAM', format: 'float', units: '', help: 'Delay of jobs.' },
];

const exposed = (...targets: readonly (readonly AppMetricSample[])[]) => endpointOf(targets).exposed();

const own = (name: string, count: number) => ({
  name,
  appMetrics: {
    specs: [],
    targets: [],
    history: () => [],
    at: (
      (snapshots) => () =>
        snapshots
    )([snapshot(Array.from({ length: count }, (_, i) => ({ name: `${name.slice(1)}_${i}`, value: 1 })))]),
  } as ContainerAppMetrics,
});

function endpointOf(targets: readonly (readonly AppMetricSample[])[], specs: readonly AppMetricSpec[] = []) {
  const snapshots = targets.map(snapshot);
  const appMetrics: ContainerAppMetrics = { specs, at: () => snapshots, history: () => [], targets: [status] };
  const agent = fakeAgent({ containers: [{ name: '/a', appMetrics }] });
  return metricsEndpoint(scrapable({ ...agent, host: { ...agent.host, procText: () => undefined } }), {});
}

describe('application metrics in /metrics', () => {
  it('are gauges with the container’s labels and their own labels prefixed with `app_`', async () => {
    const { series, types } = await exposed([
      { name: 'requests_total', labels: { code: '200', 'b.c': 'x"y' }, value: 17 },
      { name: 'exact', value: 42n },
      { name: 'odd', value: Number.POSITIVE_INFINITY },
    ]);
    const own = (name: string) => series.filter((one) => one.name === name);
    assert.equal(types.get('requests_total'), 'gauge');
    const [requests] = own('requests_total');
    assert.deepEqual(requests!.labels, { id: '/a', image: '', name: '', app_b_c: 'x"y', app_code: '200' });
    assert.deepEqual([requests!.value, requests!.time], [17, Math.floor(TIME / 1000)]);
    assert.deepEqual([own('exact')[0]!.value, own('odd')[0]!.value], [42, Number.POSITIVE_INFINITY]);
  });

  it('have the type and help of the plugin in both formats', async () => {
    const samples = ['jobs_total', 'visits', 'depth', 'delay_sum'].map((name) => ({ name, value: 1n }));
    const endpoint = endpointOf([samples], SPECS);
    const text = await endpoint.text();
    assert.match(text, /^# HELP jobs_total Jobs done,\\nof any kind\.\n# TYPE jobs_total counter\njobs_total\{/m);
    assert.match(text, /^# HELP depth Jobs waiting\.\n# TYPE depth gauge\n/m);
    assert.match(text, /^# HELP visits Metric of an application in a container\.\n# TYPE visits counter\n/m);
    assert.match(text, /^# HELP delay_sum Delay of jobs\.\n# TYPE delay_sum gauge\n/m);
    const open = (await endpoint.scrape({ accept: 'application/openmetrics-text' })).body.toString();
    assert.match(open, /^# HELP jobs Jobs done,\\nof any kind\.\n# TYPE jobs counter\njobs_total\{/m);
    // Its name cannot be a counter's there.
    assert.match(open, /^# TYPE visits unknown\nvisits\{/m);
  });

  it('never use the name of an agent metric, and have no duplicate series', async () => {
    const { series } = await exposed(
      [
        { name: 'container_memory_usage_bytes', value: 1 },
        { name: 'twice', value: 1 },
        { name: 'a b', value: 1 },
        { name: 'a_b', value: 2 },
        { name: '1st:x', labels: { 'x.y': '1', x_y: '2' }, value: 3 },
      ],
      [{ name: 'twice', value: 2 }],
    );
    const values = (name: string) => series.filter((one) => one.name === name).map(({ value }) => value);
    assert.deepEqual(values('container_memory_usage_bytes'), []);
    assert.deepEqual(values('twice'), [1]);
    assert.deepEqual(values('a_b'), [1]);
    assert.equal(series.find(({ name }) => name === '_1st:x')!.labels.app_x_y, '1');
    assert.deepEqual(values('tallyman_app_series_refused_total'), [2]);
  });

  it('have one type per name in OpenMetrics when an application’s gauge is named like a counter', async () => {
    const endpoint = endpointOf([
      [
        { name: 'tally', value: 1 },
        { name: 'process_cpu_seconds', value: 1 },
      ],
    ]);
    const text = (await endpoint.scrape({ accept: 'application/openmetrics-text' })).body.toString();
    const names = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name);
    assert.deepEqual(
      names.filter((name, index) => names.indexOf(name) !== index),
      [],
    );
    assert.match(text, /^# TYPE process_cpu_seconds gauge$/m);
    assert.match(text, /^# TYPE process_cpu_seconds_total unknown$/m);
    assert.match(text, /^process_cpu_seconds_total \d/m);
    assert.match(text, /^# TYPE tallyman_app_series_refused counter$/m);
  });

  it('share the limit of names fairly, log once when it is reached, and release names with their container', async () => {
    const hostile = own('/hostile', 100);
    let containers = [hostile];
    const host = { ...fakeAgent({}).host, procText: () => undefined };
    const world = () => scrapable({ ...fakeAgent({ containers }), host });
    let agent = world();
    const live = new Proxy(agent, { get: (_, key) => agent[key as keyof typeof agent] });
    const endpoint = metricsEndpoint(live, { maxAppNames: 50 });
    const count = async () => {
      const { series } = await endpoint.exposed();
      return ['hostile_', 'well_', 'late_'].map((start) => series.filter(({ name }) => name.startsWith(start)).length);
    };
    assert.deepEqual(
      [await count(), await count()],
      [
        [50, 0, 0],
        [50, 0, 0],
      ],
    );
    assert.equal(endpoint.logged.length, 1);
    assert.match(endpoint.logged[0]!, /^\/hostile has more names .* \(maxAppNames: 50.*series left out: 50/);
    containers = [hostile, own('/well', 10)];
    agent = world();
    await count();
    assert.deepEqual(await count(), [40, 10, 0]);
    containers = [...containers, own('/late', 60)];
    agent = world();
    await count();
    assert.deepEqual(await count(), [20, 10, 20]);
    containers = containers.slice(1);
    agent = world();
    for (let i = 0; i < 4; i++) await count();
    assert.deepEqual(await count(), [0, 10, 40]);
    assert.equal(endpoint.logged.filter((line) => line.includes('/well')).length, 0);
  });

  it('do not count excluded names against the limit', async () => {
    const containers = [own('/full', 20), own('/hidden', 5)];
    const host = { ...fakeAgent({}).host, procText: () => undefined };
    const agent = scrapable({ ...fakeAgent({ containers }), host });
    const endpoint = metricsEndpoint(agent, { maxAppNames: 20, metricsInclude: ['full_*'] });
    for (let i = 0; i < 6; i++) {
      const { series } = await endpoint.exposed();
      assert.equal(series.filter(({ name }) => name.startsWith('full_')).length, 20, `scrape ${i + 1}`);
    }
    assert.deepEqual(endpoint.logged, []);
  });

  it('have collection results by target', async () => {
    const { series } = await exposed([]);
    const reported = series.filter(({ name }) => name.startsWith('tallyman_app_target_'));
    assert.deepEqual(reported.map(({ name, value }) => [name.slice('tallyman_app_target_'.length), value]).sort(), [
      ['collections_total', 5],
      ['dropped', 3],
      ['duration_seconds', 0.25],
      ['failures_total', 2],
      ['up', 0],
    ]);
    assert.deepEqual(reported[0]!.labels, { id: '/a', plugin: 'app-regex', target: 'page' });
  });
});
