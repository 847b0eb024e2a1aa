import { compareNames } from '../../../src/kernel/containers/container-store.js';
import type {
  AgentView,
  CapsuleArchive,
  ContainerAppMetrics,
  ContainerDescription,
  ContainerView,
  DepartedContainer,
  DerivedStats,
  Diagnosis,
  EngineReport,
  EventLog,
  Finding,
  Limit,
  LinuxHost,
  MachineInfo,
  PendingContainer,
  PluginStatus,
  ProcessInfo,
  ResourceLimits,
  SamplePart,
  StoredCapsule,
  TrackedFilesystem,
  UsageMinutes,
} from '../../../src/kernel/contracts/index.js';
import { UsageSummarizer } from '../../../src/kernel/history/index.js';
import { UNKNOWN_MACHINE } from '../../../src/kernel/linux/index.js';
import { ContainerIndex } from '../../../src/kernel/view/container-index.js';
import { appMetricsFromSamples } from './recorded-app-metrics.js';
import { keptEvents } from './recorded-events.js';
import { extraNanoseconds, type Json, type JsonObject, microseconds, sampleFromJson } from './recorded-samples.js';
import { type FakeSample, samplesOf } from './samples.js';

/** A container that shows what a test says. */
export interface FakeContainer {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly namespace?: string;
  readonly description?: Partial<ContainerDescription>;
  readonly createdAt?: number;
  readonly createdAtExtraNs?: number;
  readonly limits?: Partial<ResourceLimits>;
  readonly parts?: readonly SamplePart[];
  readonly children?: readonly string[];
  readonly samples?: readonly FakeSample[];
  readonly summary?: DerivedStats;
  readonly minutes?: UsageMinutes;
  readonly appMetrics?: ContainerAppMetrics | undefined;
  readonly missing?: ContainerView['missing'];
}

export interface FakeAgentOptions {
  readonly version?: string;
  readonly containers?: readonly FakeContainer[];
  readonly machine?: Partial<MachineInfo>;
  readonly docker?: { readonly version: string; readonly apiVersion: string };
  readonly versions?: { readonly kernelVersion: string; readonly osVersion: string };
  readonly processes?: readonly ProcessInfo[];
  readonly filesystems?: readonly TrackedFilesystem[];
  readonly uuids?: Readonly<Record<string, string>>;
  readonly events?: EventLog;
  readonly engines?: readonly EngineReport[];
  readonly departed?: readonly DepartedContainer[];
  readonly pending?: readonly PendingContainer[];
  readonly findings?: readonly Finding[];
  readonly plugins?: readonly PluginStatus[];
  readonly capsules?: readonly StoredCapsule[];
  /** By container name. */
  readonly diagnoses?: Readonly<Record<string, Pick<Diagnosis, 'findings' | 'lookedAt'> & Partial<Diagnosis>>>;
  /** Called by `refresh`. */
  readonly onRefresh?: (names: readonly string[], maxAge: number) => void;
}

/** An `AgentView` over fixed data; names and aliases are found by the real index. */
export function fakeAgent(options: FakeAgentOptions): AgentView {
  const index = new ContainerIndex((options.containers ?? []).map(viewOf).sort(compareNames));
  const byName = new Map(index.sorted.map((view) => [view.name, view]));
  const view: Partial<AgentView> = {
    version: options.version ?? '0.36.0',
    host: fakeHost(options),
    container: (name) => byName.get(name),
    fields: () => [],
    containers: () => index.sorted,
    containersBelow: (name) => index.below(name),
    containersOf: (namespace) => index.of(namespace),
    lookup: (namespace, alias) => index.lookup(namespace, alias),
    async refresh(containers, maxAge) {
      options.onRefresh?.(
        containers.map(({ name }) => name),
        maxAge,
      );
    },
    watch: () => undefined,
    diagnose: (name) => diagnosisOf(options, byName, name),
    diagnoseAll: () => index.sorted.flatMap(({ name }) => diagnosisOf(options, byName, name) ?? []),
    events: options.events ?? keptEvents(),
    engines: async () => options.engines ?? [],
    engineUsage: () => [],
    departed: () => options.departed ?? [],
    capsules: { list: () => options.capsules ?? [] } as unknown as CapsuleArchive,
    pending: () => options.pending ?? [],
    findings: () => options.findings ?? [],
    plugins: () => options.plugins ?? [],
    runtimes: () => (options.docker === undefined ? [] : [{ name: 'docker', ...options.docker }]),
  };
  // API versions and endpoints use nothing else of it.
  return view as AgentView;
}

function diagnosisOf(
  { diagnoses = {} }: FakeAgentOptions,
  containers: ReadonlyMap<string, ContainerView>,
  name: string,
): Diagnosis | undefined {
  const description = containers.get(name)?.description;
  if (description === undefined) return undefined;
  const given = diagnoses[name] ?? { findings: [], lookedAt: [] };
  return { name, description, isRunning: true, time: 0, notLookedAt: [], ...given };
}

function viewOf(fake: FakeContainer): ContainerView {
  const description: ContainerDescription = {
    aliases: fake.aliases ?? [],
    labels: {},
    envs: {},
    networkMode: 'none',
    state: { status: 'running' },
    ...(fake.namespace !== undefined && { namespace: fake.namespace }),
    ...fake.description,
  };
  const limits: ResourceLimits = {
    cgroupVersion: 1,
    hasCpu: false,
    cpu: { limit: 0n },
    hasMemory: false,
    memory: {},
    hasProcesses: false,
    processes: {},
    createdAt: fake.createdAt ?? 0,
    createdAtExtraNs: fake.createdAtExtraNs ?? 0,
    ...fake.limits,
  };
  const followed: Partial<Record<string, boolean>> = {
    cpu: limits.hasCpu,
    memory: limits.hasMemory,
    processes: limits.hasProcesses,
  };
  return {
    name: fake.name,
    description,
    createdAt: fake.createdAt ?? 0,
    createdAtExtraNs: fake.createdAtExtraNs ?? 0,
    has: (part) => followed[part] ?? fake.parts?.includes(part) ?? false,
    limits: () => limits,
    memoryLimit: () => limits.memory.limit,
    children: () => fake.children ?? [],
    processIds: () => [],
    samples: samplesOf(fake.samples ?? []),
    // As of a running agent: nothing has happened yet, but there is one.
    summary: () => fake.summary ?? (limits.hasCpu || limits.hasMemory ? new UsageSummarizer().stats() : undefined),
    minutes: () => fake.minutes ?? { times: [], cpu: { mean: [], max: [] }, memory: { mean: [], max: [] } },
    appMetrics: fake.appMetrics,
    missing: fake.missing ?? [],
  };
}

function fakeHost(options: FakeAgentOptions): LinuxHost {
  const host: Partial<LinuxHost> = {
    machine: () => ({ ...UNKNOWN_MACHINE, num_cores: 1, ...options.machine }),
    versions: () => options.versions ?? { kernelVersion: '6.18.44', osVersion: 'Unknown' },
    filesystems: () => options.filesystems ?? [],
    filesystemByUuid: (uuid) => options.uuids?.[uuid],
    processes: async () => options.processes ?? [],
  };
  return host as LinuxHost;
}

/** A container as its recorded ContainerInfo shows it. */
export function containerFromInfo(info: JsonObject): FakeContainer {
  const spec = info.spec as JsonObject;
  const children = ((info.subcontainers as JsonObject[] | undefined) ?? []).map(({ name }) => name as string);
  return {
    ...containerFromSpec(info.name as string, spec),
    ...((info.aliases as string[] | undefined) && { aliases: info.aliases as string[] }),
    ...(info.namespace !== undefined && { namespace: info.namespace as string }),
    description: { ...descriptionOf(spec), ...(info.id !== undefined && { id: info.id as string }) },
    children,
    samples: ((info.stats as JsonObject[] | undefined) ?? []).map(sampleFromJson),
    appMetrics: appMetricsFromSamples(spec, (info.stats as JsonObject[] | undefined) ?? []),
  };
}

/** A container as its recorded spec (v1 or v2) shows it, without samples but for application metrics. */
export function containerFromSpec(name: string, spec: JsonObject, samples: readonly JsonObject[] = []): FakeContainer {
  const memory = spec.memory as JsonObject;
  const cpu = spec.cpu as JsonObject;
  const parts = (['network', 'filesystem', 'diskio', 'hugetlb'] as const).filter(
    (part) => spec[`has_${part}`] === true,
  );
  return {
    name,
    ...(spec.aliases !== undefined && { aliases: spec.aliases as string[] }),
    ...(spec.namespace !== undefined && { namespace: spec.namespace as string }),
    description: descriptionOf(spec),
    createdAt: microseconds(spec.creation_time as string),
    createdAtExtraNs: extraNanoseconds(spec.creation_time as string),
    appMetrics: appMetricsFromSamples(spec, samples),
    parts,
    limits: {
      hasCpu: spec.has_cpu === true,
      cpu: {
        limit: exact(cpu.limit)!,
        ...(cpu.mask !== undefined && { mask: cpu.mask as string }),
        ...(cpu.quota !== undefined && { quota: exact(cpu.quota)! }),
        ...(cpu.period !== undefined && { period: exact(cpu.period)! }),
      },
      hasMemory: spec.has_memory === true,
      memory: {
        ...member('limit', memory.limit),
        ...member('reservation', memory.reservation),
        ...member('swapLimit', memory.swap_limit),
      },
      hasProcesses: spec.has_processes === true,
      processes: member('limit', (spec.processes as JsonObject).limit),
    },
  };
}

function descriptionOf(spec: JsonObject): Partial<ContainerDescription> {
  return {
    labels: (spec.labels as Record<string, string> | undefined) ?? {},
    envs: (spec.envs as Record<string, string> | undefined) ?? {},
    ...(spec.image !== undefined && { image: spec.image as string }),
    ...(spec.start_time !== undefined && { state: stateOf(spec.start_time as string) }),
  };
}

function stateOf(startTime: string): ContainerDescription['state'] {
  if (startTime.startsWith('0001')) return { status: 'running' };
  const startedAt = microseconds(startTime);
  return { status: 'running', startedAt, startedAtExtraNs: extraNanoseconds(startTime) };
}

function exact(value: Json | undefined): bigint | undefined {
  return value === undefined ? undefined : BigInt(value as number | bigint);
}

function member<K extends string>(key: K, value: Json | undefined): { [key in K]?: Limit } {
  return value === undefined ? {} : ({ [key]: exact(value) } as { [key in K]: Limit });
}
