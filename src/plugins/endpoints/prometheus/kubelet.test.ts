import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { FakeContainer } from '../../../../test/conformance/world/fake-agent.js';
import { projectRoot } from '../../../../test/project.js';
import { type Exposed, metricsEndpoint, type Series } from '../../../../test/support/exposition.js';
import { agentOf, field, named, sampled } from '../../../../test/support/metrics-world.js';
import type { Column, ContainerDescription, FieldDescriptor } from '../../../kernel/contracts/index.js';
import prometheus from './index.js';

const ID = 'a'.repeat(64);
const SANDBOX_ID = 'b'.repeat(64);
const POD_CGROUP = '/kubepods/burstable/pod11111111-2222-3333-4444-555555555555';
const POD_LABELS = { 'io.kubernetes.pod.name': 'web-0', 'io.kubernetes.pod.namespace': 'shop' };

const column = (name: string, kind: FieldDescriptor['kind'], labels: Record<string, string> = {}): Column => ({
  field: field(name, { kind, dimensions: Object.keys(labels) }),
  labels: Object.values(labels),
});
const counter = (name: string, labels?: Record<string, string>) => column(name, 'counter', labels);
const io = (name: string, operation: string) => counter(name, { device: '/dev/vda', operation });

const NETWORK = ['rx', 'tx'].flatMap((way) =>
  ['bytes', 'packets', 'dropped', 'errors'].map((what) => counter(`network.${way}_${what}`, { interface: 'eth0' })),
);
const RESOURCES: readonly Column[] = [
  counter('cpu.usage.total'),
  counter('cpu.usage.per_cpu', { cpu: '0' }),
  counter('cpu.usage.per_cpu', { cpu: '1' }),
  counter('cpu.cfs.periods'),
  counter('cpu.cfs.throttled_periods'),
  ...['usage', 'working_set', 'rss', 'cache', 'swap'].map((name) => column(`memory.${name}`, 'gauge')),
  ...['io_serviced', 'io_service_bytes'].flatMap((name) => [
    io(`diskio.${name}`, 'Read'),
    io(`diskio.${name}`, 'Write'),
  ]),
  column('gpu.busy', 'gauge'),
];

function container(name: string, description: Partial<ContainerDescription>, columns = RESOURCES): FakeContainer {
  const limits = { cpu: { limit: 1024n, quota: 50_000n, period: 100_000n }, hasCpu: true };
  return { name, description, limits, samples: sampled(columns.map((one, index) => [one, index + 1])) };
}

const POD: readonly FakeContainer[] = [
  container('/', {}),
  container('/system.slice/cron.service', { namespace: 'systemd', aliases: ['cron.service'] }),
  container(POD_CGROUP, { labels: POD_LABELS, namespace: 'cri', aliases: ['shop/web-0'] }),
  container(`${POD_CGROUP}/${ID}`, {
    id: ID,
    namespace: 'cri',
    aliases: ['shop/web-0/app', ID],
    image: 'docker.io/shop/web:1',
    labels: { ...POD_LABELS, 'io.kubernetes.container.name': 'app', tier: 'x' },
  }),
  container(
    `${POD_CGROUP}/${SANDBOX_ID}`,
    {
      id: SANDBOX_ID,
      namespace: 'cri',
      aliases: ['shop/web-0/POD', SANDBOX_ID],
      image: 'registry.k8s.io/pause:3.9',
      labels: { ...POD_LABELS, 'io.kubernetes.container.name': 'POD' },
    },
    [...RESOURCES, ...NETWORK],
  ),
];

const kubelet = { kubelet: { path: '/metrics/cadvisor' } };
const page = (containers: readonly FakeContainer[] = POD, options: Record<string, unknown> = kubelet) =>
  metricsEndpoint(agentOf(containers), options).exposed('/metrics/cadvisor');
const labelsOf = (exposed: Exposed, name: string) =>
  named(exposed.series, name).map(({ labels }) => Object.fromEntries(Object.entries(labels).sort()));

describe('/metrics/cadvisor with the option kubelet', () => {
  it('has kubelet’s six labels on every container series, with container="POD" for the sandbox and "" for the pod', async () => {
    const none = { container: '', image: '', name: '', namespace: '', pod: '' };
    const ofPod = { namespace: 'shop', pod: 'web-0' };
    assert.deepEqual(labelsOf(await page(), 'container_memory_working_set_bytes'), [
      { ...none, id: '/' },
      { ...none, ...ofPod, id: POD_CGROUP },
      { ...ofPod, container: 'app', id: `${POD_CGROUP}/${ID}`, image: 'docker.io/shop/web:1', name: ID },
      {
        ...ofPod,
        container: 'POD',
        id: `${POD_CGROUP}/${SANDBOX_ID}`,
        image: 'registry.k8s.io/pause:3.9',
        name: SANDBOX_ID,
      },
      { ...none, id: '/system.slice/cron.service' },
    ]);
  });

  it('labels sandboxes of containerd and cri-dockerd as POD, and keeps Docker’s names', async () => {
    const described = (labels: Record<string, string>, namespace: string) =>
      container(`/${namespace}`, {
        id: ID,
        namespace,
        aliases: ['k8s_x'],
        image: 'i',
        labels: { ...POD_LABELS, ...labels },
      });
    const exposed = await page([
      described({ 'io.cri-containerd.kind': 'sandbox' }, 'containerd'),
      described({ 'io.kubernetes.docker.type': 'podsandbox' }, 'docker'),
      container('/plain', { id: ID, namespace: 'docker', aliases: ['web'], image: 'i' }),
    ]);
    assert.deepEqual(
      labelsOf(exposed, 'container_memory_rss').map(({ id, container, name, pod }) => [id, container, name, pod]),
      [
        ['/containerd', 'POD', ID, 'web-0'],
        ['/docker', 'POD', 'k8s_x', 'web-0'],
        ['/plain', '', 'web', ''],
      ],
    );
  });

  it('has total CPU time, and per-CPU time at /metrics only', async () => {
    const cpus = (exposed: Exposed) =>
      new Set(named(exposed.series, 'container_cpu_usage_seconds_total').map(({ labels }) => labels.cpu));
    assert.deepEqual(cpus(await page()), new Set(['total']));
    const own = await metricsEndpoint(agentOf(POD), kubelet).exposed('/metrics');
    assert.deepEqual(cpus(own), new Set(['cpu00', 'cpu01']));
  });

  it('has only metrics of cAdvisor', async () => {
    const own = await metricsEndpoint(agentOf(POD), kubelet).exposed('/metrics');
    for (const name of ['container_gpu_busy', 'container_state', 'container_health_state', 'tallyman_scrape_series']) {
      assert.ok(own.types.has(name), `${name} is not at /metrics`);
      assert.ok(!(await page()).types.has(name), name);
    }
    assert.ok((await page()).types.has('machine_cpu_cores'));
  });

  it('applies metricsExclude and containersInclude', async () => {
    const options = { ...kubelet, metricsExclude: ['container_memory_rss'], containersInclude: [`${POD_CGROUP}/*`] };
    const { series, types } = await page(POD, options);
    assert.ok(!types.has('container_memory_rss'));
    assert.equal(named(series, 'container_memory_cache').length, 2);
  });

  it('is off by default, has a configurable path, and rejects the path of /metrics', async () => {
    assert.deepEqual(metricsEndpoint(agentOf(POD)).paths, ['/metrics']);
    assert.deepEqual(metricsEndpoint(agentOf(POD), { kubelet: { path: '/k' } }).paths, ['/metrics', '/k']);
    const refused = prometheus.configSchema.safeParse({ kubelet: { path: '/metrics' } });
    assert.match(refused.error!.issues[0]!.message, /the same as path; choose another one/);
  });
});

describe('metrics of /metrics/cadvisor for kubernetes-mixin', () => {
  const rows = mixinTable(readFileSync(join(projectRoot, 'docs/kubernetes.md'), 'utf8'));

  it('are a table of 17 metrics in docs/kubernetes.md', () => assert.equal(rows.length, 17));

  for (const { metric, type, matchers } of rows) {
    it(`${metric} is a ${type} with ${matchers.map(({ text }) => text).join(', ')}`, async () => {
      const { types, series } = await page();
      assert.equal(types.get(metric), type);
      assert.ok(named(series, metric).some((one) => matchers.every(({ fits }) => fits(one))));
    });
  }
});

interface MixinRow {
  readonly metric: string;
  readonly type: string;
  readonly matchers: readonly { readonly text: string; fits(series: Series): boolean }[];
}

function mixinTable(document: string): readonly MixinRow[] {
  const [, table = ''] = /<!-- kubernetes-mixin -->(.*)<!-- end of/s.exec(document)!;
  const lines = table.split('\n').filter((line) => line.startsWith('| `'));
  return lines.map((line) => {
    const [, metric = '', type = '', matchers = ''] = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
    const texts = [...matchers.matchAll(/`([^`]+)`/g)].map(([, text]) => text!);
    return { metric: metric.replaceAll('`', ''), type, matchers: texts.map(matcher) };
  });
}

/** A matcher of PromQL: `label!=""` or `label=~"expression"`. */
function matcher(text: string): MixinRow['matchers'][number] {
  const [, label, operator, value] = /^(\w+)(!=|=~)"(.*)"$/.exec(text.replaceAll('\\|', '|'))!;
  const expression = new RegExp(`^(?:${value})$`);
  const fits = (one: Series) => {
    const actual = one.labels[label!] ?? '';
    return operator === '!=' ? actual !== value : expression.test(actual);
  };
  return { text, fits };
}
