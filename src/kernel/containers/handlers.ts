import { setTimeout as pause } from 'node:timers/promises';
import type { ContainerDescription, DepartedContainer, Finding } from '../contracts/index.js';
import type { ActivePlugins } from '../supervision/index.js';
import type { ContainerStore } from './container-store.js';

type Plugins = Pick<ActivePlugins, 'of'>;

/** Time limit for the findings of a handler. */
const FINDINGS_LIMIT_MS = 30_000;
/** Cgroups that one finding lists. */
const MAX_SHOWN = 3;

/** Containers that ended recently and were not restarted, as remembered by their handlers. */
export function departedContainers(plugins: Plugins, store: Pick<ContainerStore, 'get'>): readonly DepartedContainer[] {
  return plugins
    .of('container-handler')
    .flatMap(({ instance }) => instance.departed?.() ?? [])
    .filter(({ name }) => store.get(name) === undefined);
}

/** Resolves when the runtimes of the handlers have answered, or at the time limit. */
export async function whenHandlersAnswered(plugins: Plugins, limitMs: number): Promise<void> {
  const handlers = plugins.of('container-handler');
  await Promise.all(handlers.map(({ instance }) => within(limitMs, () => instance.whenAnswered?.())));
}

/** Findings of the handlers about their engines; none of a handler that fails or exceeds the time limit. */
export async function handlerFindings(
  plugins: Plugins,
  store: Pick<ContainerStore, 'all'>,
): Promise<readonly Finding[]> {
  const handlers = plugins.of('container-handler');
  const found = handlers.map(({ instance }) => within(FINDINGS_LIMIT_MS, () => instance.findings?.()));
  const findings = (await Promise.all(found)).flatMap((each) => each ?? []);
  return [...findings, ...sharedCgroups(plugins, store)];
}

/** Cgroups that the runtimes of several handlers claim for different containers. */
function sharedCgroups(plugins: Plugins, store: Pick<ContainerStore, 'all'>): Finding[] {
  const shared = store.all().flatMap(({ name, handlerId }) => {
    const claims = claimsOn(name, plugins);
    const isOwnerAmongThem = claims.some(({ plugin }) => plugin === handlerId);
    const ids = new Set(claims.map(({ description }) => description.id));
    return isOwnerAmongThem && ids.size > 1 ? [{ name, claims }] : [];
  });
  if (shared.length === 0) return [];
  const texts = shared.slice(0, MAX_SHOWN).map(({ name, claims }) => {
    const containers = claims.map(
      ({ plugin, description }) => `${description.aliases[0] ?? description.id} of ${plugin}`,
    );
    return `${name} (${containers.join(', ')})`;
  });
  const more = shared.length > MAX_SHOWN ? ` and ${shared.length - MAX_SHOWN} more` : '';
  const [, other] = shared[0]!.claims;
  return [
    {
      id: 'shared-cgroup',
      severity: 'warning',
      what: `containers of several runtimes claim one cgroup: ${texts.join('; ')}${more}`,
      effect: 'Such a cgroup has the name and labels of the first; its numbers are those of all of them.',
      mend: `start one of them in a cgroup of its own, or leave it out: plugins: [{ use: ${other!.plugin}, with: { exclude: { names: [${other!.description.aliases[0]}] } } }]`,
    },
  ];
}

function claimsOn(
  name: string,
  plugins: Plugins,
): { readonly plugin: string; readonly description: ContainerDescription }[] {
  return plugins.of('container-handler').flatMap(({ record, instance }) => {
    try {
      const description = instance.claim?.(name);
      return description === undefined ? [] : [{ plugin: record.id, description }];
    } catch {
      // It is reported when `identify` fails.
      return [];
    }
  });
}

/** The result of a call, `undefined` when it fails or exceeds the limit. */
async function within<T>(limitMs: number, call: () => Promise<T> | undefined): Promise<T | undefined> {
  const abort = new AbortController();
  try {
    return await Promise.race([call(), pause(limitMs, undefined, { ref: false, signal: abort.signal })]);
  } catch {
    return undefined;
  } finally {
    abort.abort();
  }
}
