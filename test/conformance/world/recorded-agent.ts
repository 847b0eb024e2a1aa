import type {
  AgentView,
  DerivedStats,
  MachineInfo,
  Percentiles,
  ProcessInfo,
  TrackedFilesystem,
  UsageSummary,
} from '../../../src/kernel/contracts/index.js';
import {
  containerFromInfo,
  containerFromSpec,
  type FakeAgentOptions,
  type FakeContainer,
  fakeAgent,
} from './fake-agent.js';
import { golden, goldenObject } from './golden.js';
import { appMetricsFromHistory } from './recorded-app-metrics.js';
import { keptEvents, recordedEvents } from './recorded-events.js';
import { type Json, type JsonObject, microseconds, sampleFromJson } from './recorded-samples.js';

/** The recorded machine. */
export const MACHINE: Partial<MachineInfo> = machineFromJson(goldenObject('v1.0-machine.json'));

/** An agent that knows what one recorded answer shows. */
export function agentFor(url: string, recorded: Json, known: readonly FakeContainer[]): AgentView {
  const type = /\/api\/[^/]+\/([^/?]+)/.exec(url)![1];
  const options: FakeAgentOptions = { machine: MACHINE, docker: { version: '20.10.24+dfsg1', apiVersion: '1.41' } };
  return fakeAgent({ ...options, ...optionsFor(type!, url, recorded, known) });
}

function optionsFor(type: string, url: string, recorded: Json, known: readonly FakeContainer[]): FakeAgentOptions {
  const named = (name: string): FakeContainer => known.find((container) => container.name === name) ?? { name };
  const entries = (): [string, JsonObject][] => Object.entries(recorded as JsonObject) as [string, JsonObject][];
  switch (type) {
    case 'containers':
      return { containers: [containerFromInfo(withHistory(recorded as JsonObject))] };
    case 'subcontainers':
      return { containers: (recorded as JsonObject[]).map(containerFromInfo) };
    case 'docker':
      return { containers: entries().map(([, info]) => containerFromInfo(info)) };
    case 'spec':
      return { containers: entries().map(([name, spec]) => withNames(named(name), containerFromSpec(name, spec))) };
    case 'stats':
      return { containers: url.includes('/v2.0/') ? entries().map(flatStats(named)) : sparseStats(entries(), named) };
    case 'machinestats':
      return { containers: [{ ...named('/'), samples: (recorded as JsonObject[]).map(sampleFromJson) }] };
    case 'summary':
      return {
        containers: entries().map(([name, stats]) => ({
          name,
          limits: { hasCpu: true },
          summary: summaryFromJson(stats),
        })),
      };
    case 'appmetrics':
      return { containers: entries().map(appMetricsOf) };
    case 'ps':
      return processesFor(url, recorded as JsonObject[]);
    case 'storage':
      return storageFor(url.includes('?') ? (golden('v2.0-storage.json') as JsonObject[]) : (recorded as JsonObject[]));
    case 'machine':
      return { machine: machineFromJson(recorded as JsonObject) };
    case 'events':
      return { events: keptEvents(recordedEvents([JSON.stringify(recorded)])) };
    case 'attributes':
      return attributesFor(recorded as JsonObject);
    default:
      return {};
  }
}

/** A recording without samples still comes from a container that has some. */
function withHistory(info: JsonObject): JsonObject {
  const { stats } = goldenObject('v1.3-containers-raw_graw.json');
  return info.stats === undefined ? { ...info, stats: stats! } : info;
}

/** What the recorded v2 spec leaves out (quota, period, processes limit) is taken from the v1 recording. */
function withNames(known: FakeContainer, fromSpec: FakeContainer): FakeContainer {
  return known.limits === undefined ? fromSpec : { ...fromSpec, limits: known.limits };
}

const flatStats =
  (named: (name: string) => FakeContainer) =>
  ([name, samples]: [string, JsonObject | JsonObject[]]): FakeContainer => ({
    ...named(name),
    samples: (samples as JsonObject[]).map(sampleFromJson),
  });

function sparseStats(entries: [string, JsonObject][], named: (name: string) => FakeContainer): FakeContainer[] {
  if (entries.length === 0) return [named('/')];
  return entries.map(([name, { spec, stats }]) => ({
    ...withNames(named(name), containerFromSpec(name, spec as JsonObject, (stats as JsonObject[] | undefined) ?? [])),
    samples: ((stats as JsonObject[] | undefined) ?? []).map(sampleFromJson),
  }));
}

/** A container whose recorded answer is keyed by the name as asked for (quirk 32). */
function appMetricsOf([name, metrics]: [string, JsonObject]): FakeContainer {
  const appMetrics = appMetricsFromHistory(metrics);
  return name.startsWith('/docker/')
    ? { name, appMetrics }
    : { name, aliases: [name.slice(1)], namespace: 'docker', appMetrics };
}

function processesFor(url: string, recorded: JsonObject[]): FakeAgentOptions {
  const name = new URL(url, 'http://x').pathname.replace(/^\/api\/[^/]+\/ps/, '') || '/';
  const processes = recorded.map((entry) => ({ psr: 0, ...entry, cgroup_path: entry.cgroup_path || name }));
  return { containers: [{ name }], processes: processes as unknown as ProcessInfo[] };
}

/** The tracked filesystems of a recorded `storage` answer, and `/` with the sample that it shows. */
export function storageFor(recorded: JsonObject[]): FakeAgentOptions {
  const filesystem = recorded.map(({ device, capacity, available, usage, inodes, inodes_free }) => ({
    device,
    type: 'vfs',
    capacity,
    available,
    usage,
    has_inodes: true,
    inodes,
    inodes_free,
  }));
  const tracked = recorded.map(({ device, mountpoint, labels }) => ({
    device,
    mountpoint,
    labels: labels ?? [],
    type: 'vfs',
  }));
  return {
    containers: [
      { name: '/', samples: [sampleFromJson({ timestamp: recorded[0]!.timestamp!, filesystem } as JsonObject)] },
    ],
    filesystems: tracked as unknown as TrackedFilesystem[],
  };
}

function attributesFor(recorded: JsonObject): FakeAgentOptions {
  const docker = { version: recorded.docker_version as string, apiVersion: recorded.docker_api_version as string };
  return {
    docker: ['', 'Unknown'].includes(docker.version) ? undefined : docker,
    versions: {
      kernelVersion: recorded.kernel_version as string,
      osVersion: recorded.container_os_version as string,
    },
    machine: { ...MACHINE, ...machineFromJson(recorded), hugepages: recorded.hugepages ?? MACHINE.hugepages },
  } as FakeAgentOptions;
}

/** A recorded machine with what the older agent did not tell. */
export function machineFromJson(json: JsonObject): Partial<MachineInfo> {
  const caches = (list: Json | undefined) =>
    ((list as JsonObject[] | null | undefined) ?? []).map((cache) => ({ id: 0, ...cache }));
  const topology = (json.topology as JsonObject[]).map((node) => ({
    ...node,
    cores: (node.cores as JsonObject[]).map(({ core_id, thread_ids, ...core }) => ({
      socket_id: 0,
      core_id,
      thread_ids,
      ...core,
      caches: caches(core.caches),
      uncore_caches: caches(core.uncore_caches),
    })),
    caches: caches(node.caches),
    distances: node.distances ?? [],
  }));
  return {
    swap_capacity: 0,
    ...(json as Partial<MachineInfo>),
    topology: topology as unknown as MachineInfo['topology'],
  };
}

function summaryFromJson(json: JsonObject): DerivedStats {
  const usage = (key: string): UsageSummary => {
    const { percent_complete, cpu, memory } = json[key] as JsonObject;
    const percentiles = (value: Json): Percentiles => ({ std: 0, count: 0, ...(value as object) }) as Percentiles;
    return { percentComplete: percent_complete as number, cpu: percentiles(cpu!), memory: percentiles(memory!) };
  };
  const time = json.timestamp === '0001-01-01T00:00:00Z' ? 0 : microseconds(json.timestamp as string);
  return {
    time,
    latest: json.latest_usage as unknown as DerivedStats['latest'],
    minute: usage('minute_usage'),
    hour: usage('hour_usage'),
    day: usage('day_usage'),
  };
}
