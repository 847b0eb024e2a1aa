// Application metrics of real containers, through the agent as a user runs it.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { AgentProcess } from '../support/agent-process.js';
import { AppContainers, fixtures } from '../support/app-containers.js';
import { type AppMetrics, type Metrics, newest, type Value } from '../support/app-metrics-answers.js';
import { DOCKER_ENGINE, needs } from '../support/needs.js';

interface Spec {
  has_custom_metrics: boolean;
  custom_metrics?: { name: string; type: string; format: string; units: string }[];
}
interface Stats {
  spec: Spec;
  stats: { timestamp: string; custom_metrics?: Record<string, Value[]> }[];
}

const SERVED = {
  status: fixtures['body /status'] as string,
  metrics: fixtures['body /metrics'] as string,
  'config-ok.json': JSON.stringify(fixtures['config-ok.json']),
  'config.json': JSON.stringify(fixtures['config.json']),
  'prom.json': JSON.stringify(fixtures['prom.json']),
  'promall.json': JSON.stringify(fixtures['promall.json']),
};

describe('application metrics of real containers', { skip: needs(...DOCKER_ENGINE, 'ip') }, () => {
  let containers: AppContainers;
  let agent: AgentProcess;

  before(async () => {
    containers = await AppContainers.start();
    agent = await AgentProcess.start(`
housekeeping: { interval: 500ms, dynamic: false }
plugins:
  - { use: docker, with: { endpoint: '${containers.endpoint}', labelAllow: ['io.*', 'public'] } }
  - { use: podman, enabled: false }
  - { use: app-prometheus, with: { interval: 1s } }
`);
  });
  after(async () => {
    await agent?.stop();
    await containers?.stop();
  });

  const appmetrics = (name: string, fits: (metrics: Metrics) => boolean) =>
    agent.until<AppMetrics>(`/api/v2.0/appmetrics${name}`, (answer) => fits(answer[name] ?? {}), 'its metrics');

  it('cAdvisor’s labels and files give the same metrics as in cAdvisor', async () => {
    const name = await containers.serve('g-app', SERVED, [
      ...['-l', 'io.cadvisor.metric.myapp=/www/config-ok.json'],
      ...['-l', 'io.cadvisor.metric.prometheus=/www/prom.json'],
    ]);
    const answer = await appmetrics(name, (metrics) => Object.keys(metrics).length === 6);
    assert.deepEqual(Object.keys(answer), [name]);
    assert.deepEqual(newest(answer[name]), {
      active_connections: { '': 3 },
      build_info: { '__name__=build_info\ufffdversion=1.2': 1 },
      http_requests_total: {
        '__name__=http_requests_total\ufffdcode=200\ufffdmethod=get': 17,
        '__name__=http_requests_total\ufffdcode=500\ufffdmethod=post': 4,
      },
      load_ratio: { '': 0.75 },
      queue_depth: { '__name__=queue_depth': 5.5 },
      requests_total: { '': 42 },
    });
    const stats = await agent.until<Record<string, Stats>>(
      `/api/v2.1/stats${name}?count=1`,
      (now) => Object.keys(now[name]?.stats?.[0]?.custom_metrics ?? {}).length === 6,
      'custom metrics in the newest sample',
    );
    const { spec, stats: samples } = stats[name]!;
    assert.equal(spec.has_custom_metrics, true);
    assert.deepEqual(
      spec.custom_metrics!.map(({ name: metric, type, format }) => [metric, type, format]),
      [
        ['http_requests_total', 'cumulative', 'float'],
        ['queue_depth', 'gauge', 'float'],
        ['build_info', 'UNTYPED', 'float'],
        ['latency_seconds', 'HISTOGRAM', 'float'],
        ['active_connections', 'gauge', 'int'],
        ['requests_total', 'cumulative', 'int'],
        ['load_ratio', 'delta', 'float'],
      ],
    );
    const [first] = samples[0]!.custom_metrics!.http_requests_total!;
    assert.deepEqual(first!.labels, { code: '200', method: 'get' });
  });

  it('a label whose file is missing is retried without affecting other targets', async () => {
    const name = await containers.serve('g-late', SERVED, [
      ...['-l', 'io.cadvisor.metric.aaa=/www/late.json'],
      ...['-l', 'io.cadvisor.metric.myapp=/www/config.json'],
      ...['-l', 'io.cadvisor.metric.prometheus=/no/such/file'],
    ]);
    const before = await appmetrics(name, (metrics) => Object.keys(metrics).length === 3);
    assert.deepEqual(newest(before[name]), {
      active_connections: { '': 3 },
      load_ratio: { '': 0.75 },
      requests_total: { '': 42 },
    });
    await agent.said('/www/late.json in the container: no such file');
    const late = { endpoint: { path: '/status' }, metrics_config: [{ name: 'late', data_type: 'int', regex: '(42)' }] };
    containers.write('g-late', 'late.json', JSON.stringify(late));
    await appmetrics(name, (metrics) => metrics.late?.['']?.[0]?.int_value === 42);
    const reported = agent.output.split('\n').filter((line) => line.includes(name));
    for (const reason of [
      /late\.json in the container: no such file/,
      /never_matches.*matches nothing/,
      /\/no\/such\/file/,
    ]) {
      assert.equal(reported.filter((line) => reason.test(line)).length, 1, reported.join('\n'));
    }
  });

  it('labels alone are sufficient, also unpublished ones', async () => {
    const name = await containers.serve('labelled', SERVED, [
      ...['-l', 'tallyman.metrics.port=8000', '-l', 'tallyman.metrics.interval=1s'],
      ...['-l', 'public=yes', '-l', 'tallyman.metrics.status.port=8000', '-l', 'tallyman.metrics.status.path=/status'],
    ]);
    const answer = await appmetrics(
      name,
      (metrics) => metrics.rpc_seconds !== undefined && metrics.ratio !== undefined,
    );
    assert.equal(newest(answer[name]).latency_seconds_bucket!['__name__=latency_seconds_bucket\ufffdle=+Inf'], 4);
    const specs = await agent.json<Record<string, Spec & { labels: object }>>(`/api/v2.0/spec${name}`);
    assert.deepEqual(specs[name]!.labels, { public: 'yes' });
    assert.equal(newest(answer[name]).ratio!['__name__=ratio'], 0.75);
  });
});
