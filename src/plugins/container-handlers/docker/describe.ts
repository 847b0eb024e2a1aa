import { isIP } from 'node:net';
import { dirname } from 'node:path';
import type {
  ContainerHealth,
  ContainerState,
  ContainerStorage,
  NetworkMode,
} from '../../../kernel/contracts/index.js';
import {
  allowedEnvs,
  type Described,
  type DescribeRules,
  extraNs,
  list,
  number,
  present,
  publish,
  record,
  text,
  texts,
  time,
  upperDirectory,
} from '../common/index.js';
import type { ContainerSummary } from './events.js';

/** Changes of a health check that are remembered: more than those of the samples that are kept. */
const MOST_EARLIER = 16;

/** What the engine's answer does not hold. */
export interface Context {
  /** Exit code of the run before the present one, when it is known. */
  readonly previousExit?: number | undefined;
  /** Its storage before: an engine that is removing a container no longer reports it. */
  readonly previousStorage?: ContainerStorage | undefined;
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
  const reported = {
    id,
    name: text(container.Name).replace(/^\//, ''),
    image: text(config.Image),
    imageId: text(container.Image),
    labels: texts(config.Labels),
    envs: allowedEnvs(list(config.Env), rules),
    createdAt: time(container.Created),
    createdAtExtraNs: extraNs(container.Created),
    pid,
    ...networkOf(container),
    storage: storageOf(container, pid, context),
    restartCount: number(container.RestartCount),
    state: stateOf(state, context),
  };
  return publish(reported, rules);
}

/** The same from the list of containers, for when the engine cannot inspect one: better a part than nothing. */
export function describeSummary(summary: ContainerSummary, rules: DescribeRules): Described {
  const reported = {
    ...summary,
    envs: {},
    networkMode: 'none',
    storage: { reason: 'the engine could not inspect the container' },
    state: { status: statusOf(summary.state, summary.state === 'running') },
  } as const;
  return publish(reported, rules);
}

function networkOf(container: Readonly<Record<string, unknown>>) {
  const mode = text(record(container.HostConfig).NetworkMode);
  const settings = record(container.NetworkSettings);
  const addresses = [settings, ...Object.values(record(settings.Networks)).map(record)]
    .flatMap((network) => [text(network.IPAddress), text(network.GlobalIPv6Address)])
    .filter((address) => isIP(address) !== 0);
  const unique = [...new Set(addresses)].sort((a, b) => isIP(a) - isIP(b));
  return {
    networkMode: networkMode(mode),
    networkOf: mode.startsWith('container:') ? mode.slice('container:'.length) : undefined,
    addresses: unique.length > 0 ? unique : undefined,
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
  // Engines reset the code at every start; while running, the last one is only known from before.
  const exitCode = running || finishedAt === undefined ? previousExit : number(state.ExitCode);
  return present({
    status: statusOf(text(state.Status), running),
    exitCode,
    oomKilled: typeof state.OOMKilled === 'boolean' ? state.OOMKilled : undefined,
    startedAt: time(state.StartedAt),
    startedAtExtraNs: extraNs(state.StartedAt),
    finishedAt,
    health: healthOf(record(state.Health), previousHealth, now),
  });
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
  const upper =
    text(record(driver.Data).UpperDir) || upperDirectory(pid === undefined ? undefined : context.mountinfo(pid));
  if (upper.startsWith('/')) return { writableLayer: upper, ...ownDirectory };
  if (context.previousStorage?.writableLayer !== undefined) return context.previousStorage;
  const name = text(driver.Name) || text(container.Driver) || 'unknown';
  const reason = `the storage driver (${name}) does not tell the directory of the writable layer`;
  return { reason, ...ownDirectory };
}
