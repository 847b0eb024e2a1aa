import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AgentView, ContainerView } from '../../src/kernel/contracts/index.js';
import { metricsEndpoint, parseText, type Series } from '../support/exposition.js';
import { containerFromInfo } from './world/fake-agent.js';
import { golden, goldenObject, goldenText } from './world/golden.js';
import { metricsWorld } from './world/metrics-world.js';
import { MACHINE } from './world/recorded-agent.js';
import type { JsonObject } from './world/recorded-samples.js';

/** What cAdvisor's process says of its own runtime. */
const OWN_RUNTIME = /^(go|process)_/;
/**
 * Series that cAdvisor prints as 0 although nothing counts what they are about (quirk 33). They are left out here; so
 * is the task state that only an extension of the kernel tells.
 */
const NOTHING_COUNTED: readonly ((series: Series) => boolean)[] = [
  ({ name, labels }) => labels.id === '/gcpuonly' && name.startsWith('container_memory_'),
  ({ name, labels }) => name === 'container_fs_inodes_free' && labels.id !== '/',
  ({ name, labels }) => name === 'container_tasks_state' && labels.state === 'iowaiting',
];

/** Of the newest cAdvisor, or of metric sources that cAdvisor v0.36 has switched off by default. */
const NEWER = [
  'container_blkio_device_usage_total',
  'container_cpu_schedstat_run_periods_total',
  'container_cpu_schedstat_run_seconds_total',
  'container_cpu_schedstat_runqueue_seconds_total',
  'container_creation_time_seconds',
  'container_file_descriptors',
  'container_health_state',
  'container_network_advance_tcp_stats_total',
  'container_network_tcp6_usage_total',
  'container_network_tcp_usage_total',
  'container_network_udp6_usage_total',
  'container_network_udp_usage_total',
  'container_processes',
  'container_sockets',
  'machine_cpu_books',
  'machine_cpu_drawers',
  'machine_cpu_physical_cores',
  'machine_cpu_sockets',
  'machine_nvm_avg_power_budget_watts',
  'machine_nvm_capacity',
  'machine_scrape_error',
  'machine_swap_bytes',
];

/** Tallyman's own. */
const OWN = ['container_fs_available_bytes', 'container_fs_base_usage_bytes', 'container_state'];

describe('the recorded scrape of cAdvisor', async () => {
  const recorded = parseText(goldenText('metrics.txt'));
  const world = await recordedWorld();
  const answered = await metricsEndpoint(world.agent, { machineLabels: false, emptyLabels: true }).exposed();
  const ours = new Map(answered.series.map((series) => [series.key, series]));
  const known = recorded.series.filter(({ name, labels }) => {
    if (OWN_RUNTIME.test(name)) return false;
    return labels.id === undefined || world.names.has(labels.id);
  });

  it('every metric has the recorded type', () => {
    const names = [...recorded.types].filter(([name]) => !OWN_RUNTIME.test(name));
    const types = names.map(([name]) => [name, answered.types.get(name)]);
    assert.deepEqual(types, names);
    const process = [...recorded.types].filter(([name]) => name.startsWith('process_'));
    assert.deepEqual(
      process.map(([name]) => [name, answered.types.get(name)]),
      process,
    );
  });

  it('every recorded series exists with the same labels', () => {
    const isLeftOut = (series: Series) => series.value === 0 && NOTHING_COUNTED.some((fits) => fits(series));
    const missing = known.filter((series) => !ours.has(series.key) && !isLeftOut(series));
    assert.deepEqual(
      missing.filter(({ name }) => name !== 'cadvisor_version_info').map(({ key }) => key),
      [],
    );
    assert.ok(known.length > 800, `${known.length} series compared`);
  });

  it('a recorded metric has no additional series', () => {
    const keys = new Set(known.map(({ key }) => key));
    const names = new Set(known.map(({ name }) => name));
    const more = answered.series.filter(({ key, name }) => names.has(name) && !keys.has(key));
    assert.deepEqual(
      more.filter(({ name }) => name !== 'cadvisor_version_info').map(({ key }) => key),
      [],
    );
  });

  it('containers with a recorded sample have the recorded numbers and times', () => {
    let compared = 0;
    for (const series of known) {
      const own = ours.get(series.key);
      if (own?.time === undefined || own.time !== series.time || isMended(series)) continue;
      assert.equal(own.value, series.value, series.key);
      compared++;
    }
    assert.ok(compared > 250, `${compared} numbers compared`);
  });

  it('series without a time in the recording have none', () => {
    for (const series of known) {
      const own = ours.get(series.key);
      if (own !== undefined) assert.equal(own.time === undefined, series.time === undefined, series.key);
    }
  });

  it('numbers that are not sampled equal the recorded ones', () => {
    for (const series of known.filter(({ name }) => /^(container_spec|machine)_/.test(name))) {
      assert.equal(ours.get(series.key)?.value, series.value, series.key);
    }
  });

  it('the version metric has the recorded labels', () => {
    const labelsOf = (all: readonly Series[]) =>
      Object.keys(all.find(({ name }) => name === 'cadvisor_version_info')!.labels).sort();
    assert.deepEqual(labelsOf(answered.series), labelsOf(recorded.series));
  });

  it('metrics that cAdvisor v0.36 lacks are those of the newest cAdvisor or documented', () => {
    const more = [...answered.types.keys()].filter((name) => !recorded.types.has(name) && !/^tallyman_/.test(name));
    const applications = new Set(world.agent.containers().flatMap(namesOfApplications));
    assert.deepEqual(more.filter((name) => !applications.has(name)).sort(), [...NEWER, ...OWN].sort());
    assert.deepEqual(
      [...applications].filter((name) => !more.includes(name)),
      [],
    );
  });

  it('machine metrics have no additional labels but those of the newest cAdvisor', async () => {
    const { series } = await metricsEndpoint(world.agent).exposed();
    for (const { name, labels } of series.filter((one) => one.name.startsWith('machine_'))) {
      const known = Object.keys(labels).filter((label) => !(name === 'machine_nvm_capacity' && label === 'mode'));
      if (name !== 'machine_scrape_error') assert.deepEqual(known, ['boot_id', 'machine_id', 'system_uuid'], name);
    }
  });
});

/** Times of filesystems are milliseconds, which cAdvisor takes for nanoseconds (quirk 33). */
function isMended({ name }: Series): boolean {
  return /^container_fs_(read|write|io_time|io_time_weighted)_seconds_total$/.test(name);
}

/** The newest cAdvisor shows application metrics too. */
function namesOfApplications({ appMetrics }: ContainerView): readonly string[] {
  const snapshots = appMetrics?.at(Number.MAX_SAFE_INTEGER) ?? [];
  return snapshots.flatMap(({ series }) => series.map(({ name }) => name));
}

interface World {
  readonly agent: AgentView;
  readonly names: ReadonlySet<string>;
}

/** The containers of the recording, as the answers of its API show them, with the fields of the real sources. */
async function recordedWorld(): Promise<World> {
  const infos = [
    ...Object.values(goldenObject('v1.2-docker-all.json')),
    ...(golden('v1.1-subcontainers-graw.json') as JsonObject[]),
    goldenObject('v1.3-containers-raw_gcpuonly.json'),
    goldenObject('v1.0-containers-root-slash.json'),
  ] as JsonObject[];
  const containers = infos.map(containerFromInfo);
  const agent = await metricsWorld(containers, {
    machine: MACHINE,
    docker: { version: '20.10.24+dfsg1', apiVersion: '1.41' },
    versions: { kernelVersion: '6.18.44-fc-v669', osVersion: 'Debian GNU/Linux 12 (bookworm)' },
  });
  return { agent, names: new Set(containers.map(({ name }) => name)) };
}
