/** A container that both agents know. */
export interface ComparedContainer {
  /** Absolute cgroup path. */
  readonly name: string;
  readonly namespace: string;
  readonly aliases: readonly string[];
  /** Number of containers below it. */
  readonly below: number;
}

/** Lists of more containers, with a minute of samples each, are not requested. */
const MAX_LIST_LENGTH = 30;
const VERSIONS = ['v1.0', 'v1.1', 'v1.2', 'v1.3', 'v2.0', 'v2.1'];
/** Invalid requests, and requests for what does not exist. */
const INVALID = [
  '/api/v9.9/',
  '/api/v1.3/nonsense',
  '/api/v1.0/subcontainers/',
  '/api/v1.3/containers/no/such/container',
  '/api/v1.3/subcontainers/no/such/container',
  '/api/v1.3/docker/no-such-container',
  '/api/v2.0/nonsense',
  '/api/v2.0/stats/no/such/container',
  '/api/v2.0/stats/no-such-container?type=docker',
  '/api/v2.0/spec/?type=nonsense',
  '/api/v2.0/stats/?count=nonsense',
  '/api/v2.0/stats/?recursive=nonsense',
  '/api/v2.0/spec/?max_age=nonsense',
  '/api/v2.0/storage?uuid=no-such-filesystem',
  '/api/v2.0/storage?label=no-such-label',
  '/api/v2.1/stats/no/such/container',
];
const GENERAL = [
  '/healthz',
  '/api',
  '/api/',
  '/containers',
  '/containers/',
  '/docker/',
  '/validate/',
  '/api/v1.3/events?creation_events=true&max_events=5',
  '/api/v1.3/events?oom_events=true&oom_kill_events=true',
  '/api/v2.0/version',
  '/api/v2.0/attributes',
  '/api/v2.0/storage',
  '/api/v2.0/storage?label=root',
  '/api/v2.1/machinestats',
];

/**
 * The requests of a comparison, as paths with queries below the agents' prefixes: every
 * route of every API version, for the host and each container.
 * @param engineContainers length of the engine's lists
 */
export function questionsAbout(containers: readonly ComparedContainer[], engineContainers: number): string[] {
  const questions = [...GENERAL, ...INVALID];
  for (const version of VERSIONS) questions.push(`/api/${version}/`, `/api/${version}/machine`);
  if (engineContainers <= MAX_LIST_LENGTH) {
    questions.push('/api/v1.2/docker', '/api/v1.3/docker/', '/api/v2.0/spec/?type=docker&recursive=true');
  }
  for (const container of containers) questions.push(...questionsOf(container));
  return questions;
}

function questionsOf({ name, namespace, aliases, below }: ComparedContainer): string[] {
  const path = encodeURI(name);
  const targets = VERSIONS.slice(0, 4).map((version) => `/api/${version}/containers${path}`);
  for (const version of ['v2.0', 'v2.1']) {
    for (const type of ['spec', 'summary', 'stats', 'appmetrics']) {
      if (version === 'v2.1' && type === 'appmetrics') continue;
      targets.push(`/api/${version}/${type}${path}`);
    }
  }
  targets.push(`/api/v2.0/stats${path}?count=2`, `/api/v2.0/ps${path}`);
  if (below > 0) targets.push(`/api/v2.0/spec${path}?recursive=true`);
  if (below <= MAX_LIST_LENGTH) {
    targets.push(`/api/v1.1/subcontainers${path}`, `/api/v1.3/subcontainers${path}`);
    targets.push(`/api/v2.0/stats${path}?recursive=true&count=1`, `/api/v2.0/summary${path}?recursive=true`);
  }
  const [alias] = aliases;
  if (namespace === 'docker' && alias !== undefined) {
    for (const known of aliases) targets.push(`/api/v1.3/docker/${encodeURIComponent(known)}`);
    for (const type of ['spec', 'stats', 'summary']) {
      targets.push(`/api/v2.0/${type}/${encodeURIComponent(alias)}?type=docker`);
    }
  }
  return targets;
}

/**
 * Chooses the containers to compare: `/`, then one of each namespace in turn.
 * @param limit maximum number
 */
export function chooseContainers(known: readonly ComparedContainer[], limit: number): ComparedContainer[] {
  const root = known.filter(({ name }) => name === '/');
  const groups = new Map<string, ComparedContainer[]>();
  for (const container of known) {
    if (container.name === '/') continue;
    const group = groups.get(container.namespace) ?? [];
    group.push(container);
    groups.set(container.namespace, group);
  }
  const chosen: ComparedContainer[] = [...root];
  for (let turn = 0; chosen.length < limit; turn++) {
    const next = [...groups.values()].flatMap((group) => group.slice(turn, turn + 1));
    if (next.length === 0) break;
    chosen.push(...next.slice(0, limit - chosen.length));
  }
  return chosen;
}
