import { AsyncLocalStorage, createHook } from 'node:async_hooks';
import { readdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { ContainerRegistrar, PluginInstances, PluginKind } from '../../kernel/contracts/index.js';
import { withTimeLimit } from '../../kernel/plugins/index.js';
import { systemClock } from '../clock.js';
import { type TestContext, type TestContextOptions, testContext } from '../context.js';
import { type Check, type CheckSetup, describe } from './check.js';

/** The kernel's time limit. */
const START_LIMIT = 10_000;
const STOP_LIMIT = 500;
const SETTLE = 2_000;

type AnyInstance = PluginInstances[PluginKind];

/** An instance, created as by the kernel. */
export interface Made {
  readonly kind: PluginKind;
  readonly context: TestContext;
  readonly instance: AnyInstance;
}

/** Creates an instance with the services of the checks. */
export function make({ plugin, options }: CheckSetup, services: TestContextOptions): Made {
  const context = testContext({ id: plugin.name, clock: systemClock, ...services });
  return { kind: plugin.kind, context, instance: plugin.create(context, options) };
}

const REGISTRAR: ContainerRegistrar = { reconsider: () => {}, reconsiderAll: () => {}, findingsChanged: () => {} };

/** Starts an instance. @throws the error of `start`, or of its time limit */
export async function start({ kind, instance }: Made): Promise<void> {
  const call = (instance as { start?(registrar?: ContainerRegistrar): Promise<void> | void }).start;
  const registrar = kind === 'container-handler' ? REGISTRAR : undefined;
  await within(START_LIMIT, 'start', async () => call?.call(instance, registrar));
}

/** Stops an instance and disposes of its context. @throws the error of `stop`, or of its time limit */
export async function stop({ kind, instance, context }: Made): Promise<void> {
  try {
    await within(STOP_LIMIT, 'stop', async () => (instance as { stop?(): Promise<void> | void }).stop?.());
  } catch (error) {
    // Without a receiver a sink correctly reports what it could not deliver.
    if (kind !== 'sink' || !(error instanceof Error) || error.name !== 'TallymanError') throw error;
  } finally {
    context.dispose();
  }
}

/** Looks at an instance between its start and its stop. */
export async function whileStarted<T>(
  setup: CheckSetup,
  services: TestContextOptions,
  look: (made: Made) => T | Promise<T>,
): Promise<T> {
  const made = make(setup, services);
  try {
    await start(made);
    return await look(made);
  } finally {
    await stop(made);
  }
}

/** @throws Error when a call takes longer than the kernel lets it */
function within(limit: number, what: string, call: () => Promise<void>): Promise<void> {
  return withTimeLimit(call(), limit, () => new Error(`${what} did not end within ${limit} ms`));
}

/** Checks of `create`, `start` and `stop`. */
export function lifeChecks(setup: CheckSetup, services: TestContextOptions): Check[] {
  const once = () => whileStarted(setup, services, (made) => made);
  return [
    { name: 'does nothing in create', run: () => createProblems(setup, services) },
    {
      name: 'starts and stops, again and again',
      run: async () => {
        for (let round = 1; round <= 3; round++) {
          const { context } = await once();
          if (context.faults.length > 0) return [`a timer of round ${round} threw ${describe(context.faults[0])}`];
        }
        return [];
      },
    },
    { name: 'leaves nothing behind', run: () => leakProblems(once) },
    {
      name: 'survives a stop before its start',
      run: async () => {
        await stop(make(setup, services));
        return [];
      },
    },
  ];
}

function createProblems(setup: CheckSetup, services: TestContextOptions): string[] {
  const before = traces();
  const made = make(setup, services);
  const problems = newTraces(before, traces()).map((trace) => `create leaves ${trace}: that belongs into start`);
  made.context.dispose();
  if (typeof made.instance !== 'object' || made.instance === null) problems.push('create does not give an object');
  return problems;
}

async function leakProblems(once: () => Promise<unknown>): Promise<string[]> {
  await once();
  const before = traces();
  const timers = new Set<number>();
  // Timers of others are set meanwhile, too: those of the plugin are set in the plugin's own context.
  const inPlugin = new AsyncLocalStorage<true>();
  const hook = createHook({
    init: (id, type) => void (type === 'Timeout' && inPlugin.getStore() === true && isOwnTimer() && timers.add(id)),
    destroy: (id) => void timers.delete(id),
  }).enable();
  try {
    await inPlugin.run(true, once);
    return await inPlugin.exit(() =>
      whenSettled(() => [...newTraces(before, traces()), ...(timers.size > 0 ? ['a timer (use ctx.timers)'] : [])]),
    );
  } finally {
    hook.disable();
  }
}

/** Whether the timer is created by `setTimeout` or `setInterval`, and not internally by Node. */
function isOwnTimer(): boolean {
  const frames = (new Error().stack ?? '').split('\n');
  const caller = frames[frames.findLastIndex((frame) => frame.includes('(node:timers:')) + 1] ?? '';
  return !/\bnode:/.test(caller) && frames.some((frame) => frame.includes('(node:timers:'));
}

/** Handles are closed in later turns of the event loop. */
async function whenSettled(left: () => string[]): Promise<string[]> {
  const deadline = performance.now() + SETTLE;
  for (;;) {
    const now = left();
    if (now.length === 0) return [];
    if (performance.now() > deadline) return [...new Set(now)].map((trace) => `after stop there is still ${trace}`);
    await pause(10);
  }
}

/** Counts of resources of the process by kind. */
function traces(): Map<string, number> {
  const counts = new Map<string, number>();
  const count = (what: string, by = 1) => counts.set(what, (counts.get(what) ?? 0) + by);
  for (const resource of process.getActiveResourcesInfo()) {
    if (resource !== 'Timeout') count(RESOURCES[resource] ?? `a handle (${resource})`);
  }
  for (const name of process.eventNames())
    count(`a listener of process "${String(name)}"`, process.listenerCount(name));
  for (const name of Object.getOwnPropertyNames(globalThis)) count(`the global variable ${name}`);
  count('an open file', readdirSync('/proc/self/fd').length);
  return counts;
}

const RESOURCES: Readonly<Record<string, string>> = {
  Immediate: 'an immediate',
  TCPSocketWrap: 'a connection',
  TCPServerWrap: 'a server',
  PipeWrap: 'a pipe or unix socket',
  FSEventWrap: 'a file watcher',
  ProcessWrap: 'a child process',
  MessagePort: 'a worker or message port',
};

function newTraces(before: Map<string, number>, after: Map<string, number>): string[] {
  return [...after].filter(([what, count]) => count > (before.get(what) ?? 0)).map(([what]) => what);
}
