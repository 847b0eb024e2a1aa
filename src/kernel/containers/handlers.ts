import { setTimeout as pause } from 'node:timers/promises';
import type { DepartedContainer, Finding } from '../contracts/index.js';
import type { ActivePlugins } from '../supervision/index.js';
import type { ContainerStore } from './container-store.js';

type Plugins = Pick<ActivePlugins, 'of'>;

/** A handler that has not said after so many ms what is wrong is not waited for. */
const FINDINGS_LIMIT_MS = 30_000;

/** Containers that ended a short while ago and do not run again, as their handlers remember them. */
export function departedContainers(plugins: Plugins, store: Pick<ContainerStore, 'get'>): readonly DepartedContainer[] {
  return plugins
    .of('container-handler')
    .flatMap(({ instance }) => instance.departed?.() ?? [])
    .filter(({ name }) => store.get(name) === undefined);
}

/** Settles when the runtimes behind the handlers have answered, or the time is over. */
export async function whenHandlersAnswered(plugins: Plugins, limitMs: number): Promise<void> {
  const handlers = plugins.of('container-handler');
  await Promise.all(handlers.map(({ instance }) => within(limitMs, () => instance.whenAnswered?.())));
}

/** What the handlers find wrong about their engines; a handler that fails, or does not end, finds nothing. */
export async function handlerFindings(plugins: Plugins): Promise<readonly Finding[]> {
  const handlers = plugins.of('container-handler');
  const found = handlers.map(({ instance }) => within(FINDINGS_LIMIT_MS, () => instance.findings?.()));
  return (await Promise.all(found)).flatMap((findings) => findings ?? []);
}

/** What a call gives, `undefined` when it fails or takes longer. */
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
