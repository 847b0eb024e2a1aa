import { appContainer, ContainerAccess, HttpGetter, ResponseBudget } from '../kernel/app-metrics/index.js';
import {
  type AppContainer,
  type AppEndpoint,
  type AppMetrics,
  type AppTarget,
  type CgroupFiles,
  type CollectedMetrics,
  type CollectionAccess,
  isCollectionError,
} from '../kernel/contracts/index.js';
import { RAW, type SimulatedHost } from './simulated-host.js';

/** The cgroup of a container without processes. */
const NO_CGROUP: CgroupFiles = {
  version: 2,
  directory: () => undefined,
  unifiedDirectory: () => undefined,
  file: () => undefined,
  value: () => undefined,
  keyed: () => undefined,
  unifiedFile: () => undefined,
  text: () => undefined,
  pids: () => [],
  pidsBelow: () => [],
};

/** A container for tests of app-metrics plugins. @param over members of its description */
export function testContainer(
  over: Partial<AppContainer['description']> = {},
  name = `/docker/${'a'.repeat(64)}`,
): AppContainer {
  return appContainer(name, { ...RAW, networkMode: 'own', addresses: ['127.0.0.1'], ...over });
}

export interface TestAccessOptions {
  /** The actual port of the container's server (an `HttpTarget` or `LineTarget`). Default: the same port. */
  readonly portOf?: (port: number) => number | undefined;
  /** The host with the container's processes, from which its files are read. */
  readonly host?: SimulatedHost;
  readonly signal?: AbortSignal;
  readonly limits?: CollectionAccess['limits'];
}

/** The agent's implementation of `CollectionAccess`, for servers on the loopback interface. */
export function testAccess(container: AppContainer, options: TestAccessOptions = {}): CollectionAccess {
  const { portOf = (port) => port, signal = new AbortController().signal, host } = options;
  const services = {
    getter: new HttpGetter(),
    proc: host?.paths.proc ?? '/nonexistent',
    userAgent: 'tallyman/test',
    maxBodySize: 8 * 1024 * 1024,
    limits: options.limits ?? { metrics: 1_000, series: 10_000 },
    responseBudget: new ResponseBudget(Number.POSITIVE_INFINITY),
  };
  const own = { networkMode: 'own', addresses: ['127.0.0.1'], trustedHosts: [] } as const;
  const cgroup = host?.target(container.name).cgroup ?? NO_CGROUP;
  const access = new ContainerAccess(container, cgroup, own, services, signal, Date.now() * 1000);
  const there = <E extends AppEndpoint>({ host: _, ...endpoint }: E) =>
    endpoint.port === undefined ? endpoint : { ...endpoint, port: portOf(endpoint.port) ?? endpoint.port };
  return {
    container,
    signal,
    now: access.now,
    limits: access.limits,
    fetch: (request) => access.fetch(there(request)),
    connect: (endpoint) => access.connect(there(endpoint)),
    readFile: (path) => access.readFile(path),
  };
}

/** The result of one target. */
export type Collected = CollectedMetrics | { readonly error: string };

/**
 * Collects once from every target of a plugin in a container. A failure of a target is its `error`.
 * @throws faults of the plugin
 */
export async function collectAll(
  plugin: AppMetrics,
  container: AppContainer,
  options: TestAccessOptions = {},
): Promise<Record<string, Collected>> {
  const found: Record<string, Collected> = {};
  for (const target of plugin.targets(container))
    found[target.name] = await collectOne(plugin, target, container, options);
  return found;
}

async function collectOne(
  plugin: AppMetrics,
  target: AppTarget,
  container: AppContainer,
  options: TestAccessOptions,
): Promise<Collected> {
  try {
    return await plugin.collect(target, testAccess(container, options));
  } catch (error) {
    if (isCollectionError(error)) return { error: error.message };
    throw error;
  }
}
