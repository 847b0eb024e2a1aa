import { isIP } from 'node:net';
import { dirname } from 'node:path';
import type {
  ContainerDescription,
  ContainerHealth,
  ContainerState,
  ContainerStorage,
  NetworkMode,
} from '../../../kernel/contracts/index.js';
import { type ContainerSummary, texts } from './events.js';
import { extraNs, list, number, record, text, time } from './json.js';
import type { EnvPattern, NamedGlob } from './options.js';
import { type SelectionRules, whyIgnored } from './selection.js';

/** Changes of a health check that are remembered: more than those of the samples that are kept. */
const MOST_EARLIER = 16;

/** What decides how a container is published. */
export interface DescribeRules extends SelectionRules {
  /** `docker`, `podman`. */
  readonly namespace: string;
  readonly labelAllow: readonly NamedGlob[];
  readonly envAllow: readonly EnvPattern[];
  readonly envKeyCase: 'lower' | 'keep';
}

/** A container as published, and why it is not when it is not. */
export interface Described {
  readonly description: ContainerDescription;
  readonly ignored?: string;
  /** Entries of `labelAllow` that miss a label by its spelling only. */
  readonly misspelt?: readonly Misspelt[];
}

/** What a user wrote and what was likely meant. */
export interface Misspelt {
  readonly written: string;
  readonly meant: string;
}

/** What the engine's answer does not hold. */
export interface Context {
  /** Exit code of the run before the present one, when it is known. */
  readonly previousExit?: number | undefined;
  /** What was known of its files: an engine that is taking a container down no longer tells. */
  readonly previousStorage?: ContainerStorage | undefined;
  /** What its health check said before. */
  readonly previousHealth?: ContainerHealth | undefined;
  /** µs since the epoch */
  readonly now: number;
  /** Text of `/proc/<pid>/mountinfo`. */
  mountinfo(pid: number): string | undefined;
}

/** @returns the container of an inspect answer, `undefined` when the answer is not one */
export function describeContainer(answer: unknown, rules: DescribeRules, context: Context): Described | undefined {
  const container = record(answer);
  const id = text(container.Id);
  if (id === '') return undefined;
  const config = record(container.Config);
  const state = record(container.State);
  const pid = number(state.Pid) || undefined;
  const restartCount = number(container.RestartCount);
  const createdAt = time(container.Created);
  const labels = texts(config.Labels);
  const common = {
    id,
    name: text(container.Name).replace(/^\//, ''),
    image: text(config.Image),
    imageId: text(container.Image),
    labels,
    restartCount: restartCount ?? 0,
  };
  return publish(common, rules, {
    envs: allowedEnvs(list(config.Env), rules),
    ...(createdAt === undefined ? {} : { createdAt, createdAtExtraNs: extraNs(container.Created) }),
    ...(pid === undefined ? {} : { pid }),
    ...networkOf(container),
    storage: storageOf(container, pid, context),
    ...(restartCount === undefined ? {} : { restartCount }),
    state: stateOf(state, context),
  });
}

/** The same from the list of containers, for when the engine cannot inspect one: better a part than nothing. */
export function describeSummary(summary: ContainerSummary, rules: DescribeRules): Described {
  return publish({ ...summary, restartCount: 0 }, rules, {
    envs: {},
    networkMode: 'none',
    storage: { reason: 'the engine could not inspect the container' },
    state: { status: statusOf(summary.state, summary.state === 'running') },
  });
}

/** What can be said of a container whose engine cannot be asked. */
export function describeById(id: string, namespace: string): ContainerDescription {
  return {
    id,
    aliases: [id],
    namespace,
    labels: {},
    envs: {},
    networkMode: 'none',
    state: { status: 'running' },
    stale: true,
  };
}

interface Common {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly imageId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly restartCount: number;
}

type Rest = Omit<ContainerDescription, 'id' | 'aliases' | 'namespace' | 'labels' | 'image' | 'imageId'>;

function publish(common: Common, rules: DescribeRules, rest: Rest): Described {
  const { id, name, image, imageId } = common;
  const ignored = whyIgnored(rules, common);
  const labels = allowedLabels(common.labels, rules.labelAllow);
  const unpublishedLabels = Object.fromEntries(
    Object.entries(common.labels).filter(([key]) => !Object.hasOwn(labels, key)),
  );
  if (common.restartCount > 0) labels.restartcount = String(common.restartCount);
  const description: ContainerDescription = {
    id,
    aliases: name === '' ? [id] : [name, id],
    namespace: rules.namespace,
    labels,
    ...(Object.keys(unpublishedLabels).length === 0 ? {} : { unpublishedLabels }),
    ...(image === '' ? {} : { image }),
    ...(imageId === '' ? {} : { imageId }),
    ...rest,
  };
  const misspelt = misspeltLabels(common.labels, rules.labelAllow);
  return {
    description,
    ...(ignored === undefined ? {} : { ignored }),
    ...(misspelt.length === 0 ? {} : { misspelt }),
  };
}

function allowedLabels(labels: Readonly<Record<string, string>>, allow: readonly NamedGlob[]): Record<string, string> {
  if (allow.length === 0) return { ...labels };
  return Object.fromEntries(Object.entries(labels).filter(([key]) => allow.some(({ pattern }) => pattern.test(key))));
}

function allowedEnvs(environment: readonly unknown[], rules: DescribeRules): Record<string, string> {
  const envs: Record<string, string> = {};
  for (const entry of environment) {
    const [key, ...rest] = text(entry).split('=');
    if (rest.length === 0) continue;
    if (!rules.envAllow.some(({ text, prefix }) => (prefix ? key!.startsWith(text) : key === text))) continue;
    envs[rules.envKeyCase === 'lower' ? key!.toLowerCase() : key!] = rest.join('=');
  }
  return envs;
}

function networkOf(
  container: Readonly<Record<string, unknown>>,
): Pick<ContainerDescription, 'networkMode' | 'networkOf' | 'addresses'> {
  const mode = text(record(container.HostConfig).NetworkMode);
  const settings = record(container.NetworkSettings);
  const addresses = [settings, ...Object.values(record(settings.Networks)).map(record)]
    .flatMap((network) => [text(network.IPAddress), text(network.GlobalIPv6Address)])
    .filter((address) => isIP(address) !== 0);
  const unique = [...new Set(addresses)].sort((a, b) => isIP(a) - isIP(b));
  return {
    networkMode: networkMode(mode),
    ...(mode.startsWith('container:') ? { networkOf: mode.slice('container:'.length) } : {}),
    ...(unique.length > 0 ? { addresses: unique } : {}),
  };
}

function networkMode(mode: string): NetworkMode {
  if (mode === 'host') return 'host';
  return mode.startsWith('container:') ? 'shared' : 'own';
}

const STATUSES: Readonly<Record<string, ContainerState['status']>> = {
  created: 'created',
  configured: 'created',
  initialized: 'created',
  running: 'running',
  stopping: 'running',
  paused: 'paused',
  restarting: 'restarting',
  exited: 'exited',
  stopped: 'exited',
  removing: 'exited',
  dead: 'dead',
};

const statusOf = (word: string, running: boolean): ContainerState['status'] =>
  STATUSES[word] ?? (running ? 'running' : 'exited');

function stateOf(
  state: Readonly<Record<string, unknown>>,
  { previousExit, previousHealth, now }: Context,
): ContainerState {
  const running = state.Running === true;
  const finishedAt = time(state.FinishedAt);
  const startedAt = time(state.StartedAt);
  // Engines reset the code at every start; while running, the last one is only known from before.
  const exitCode = running || finishedAt === undefined ? previousExit : number(state.ExitCode);
  const health = healthOf(record(state.Health), previousHealth, now);
  return {
    status: statusOf(text(state.Status), running),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(typeof state.OOMKilled === 'boolean' ? { oomKilled: state.OOMKilled } : {}),
    ...(startedAt === undefined ? {} : { startedAt, startedAtExtraNs: extraNs(state.StartedAt) }),
    ...(finishedAt === undefined ? {} : { finishedAt }),
    ...(health === undefined ? {} : { health }),
  };
}

function healthOf(
  health: Readonly<Record<string, unknown>>,
  previous: ContainerHealth | undefined,
  now: number,
): ContainerHealth | undefined {
  const status = text(health.Status);
  if (status !== 'starting' && status !== 'healthy' && status !== 'unhealthy') return undefined;
  const before = previous?.earlier ?? [];
  const isChange = previous !== undefined && previous.status !== status;
  const earlier = isChange ? [...before, { status: previous.status, until: now }].slice(-MOST_EARLIER) : before;
  return { status, failingStreak: number(health.FailingStreak) ?? 0, ...(earlier.length > 0 && { earlier }) };
}

function storageOf(
  container: Readonly<Record<string, unknown>>,
  pid: number | undefined,
  context: Context,
): ContainerStorage {
  const driver = record(container.GraphDriver);
  const own = ['LogPath', 'ResolvConfPath', 'HostnamePath'].map((key) => text(container[key])).find((p) => p !== '');
  const ownDirectory = own === undefined ? {} : { ownDirectory: dirname(own) };
  const upper = text(record(driver.Data).UpperDir) || upperDirectory(pid, context);
  if (upper.startsWith('/')) return { writableLayer: upper, ...ownDirectory };
  if (context.previousStorage?.writableLayer !== undefined) return context.previousStorage;
  const name = text(driver.Name) || text(container.Driver) || 'unknown';
  const reason = `the storage driver (${name}) does not tell the directory of the writable layer`;
  return { reason, ...ownDirectory };
}

/**
 * The upper directory of a process's overlay root. With the containerd image store the engine does not tell it, and
 * other storage drivers differ in how they do; the kernel always knows.
 */
function upperDirectory(pid: number | undefined, context: Context): string {
  const mountinfo = pid === undefined ? undefined : context.mountinfo(pid);
  for (const line of mountinfo?.split('\n') ?? []) {
    const [mount, filesystem] = line.split(' - ', 2);
    if (mount?.split(' ')[4] !== '/' || filesystem?.startsWith('overlay ') !== true) continue;
    const upper = /(?:^|[ ,])upperdir=([^,]*)/.exec(filesystem)?.[1] ?? '';
    return upper.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
  }
  return '';
}

/** The common slip: underscores where a label has dots, or other capitals. */
function misspeltLabels(labels: Readonly<Record<string, string>>, allow: readonly NamedGlob[]): Misspelt[] {
  const plain = (word: string) => word.toLowerCase().replace(/[^a-z0-9]/g, '_');
  const keys = Object.keys(labels);
  return allow.flatMap(({ text: written, pattern }) => {
    if (keys.some((key) => pattern.test(key))) return [];
    const meant = keys.find((key) => plain(key) === plain(written));
    return meant === undefined ? [] : [{ written, meant }];
  });
}
