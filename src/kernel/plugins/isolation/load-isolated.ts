import { BrokenPluginError, type LoadedPlugin } from '../../config/index.js';
import {
  messageOf,
  PLUGIN_API_VERSION,
  PLUGIN_BRAND,
  type Plugin,
  type PluginContext,
  TallymanError,
} from '../../contracts/index.js';
import type { PluginEntry, PluginSources } from '../entry.js';
import { locatePlugin } from '../loader.js';
import { IsolatedAppMetrics } from './isolated-app-metrics.js';
import type { Manifest, ModulePlace } from './protocol.js';
import { findParentBond, type WorkerOptions, WorkerProcess } from './worker-process.js';

export const DEFAULT_MEMORY_LIMIT = 128 * 1024 * 1024;
export const DEFAULT_TIME_LIMIT = 5_000;

const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

type IsolatedEntry = Pick<PluginEntry, 'use' | 'id' | 'with' | 'memoryLimit' | 'timeLimit' | 'startTimeout'>;

/**
 * Loads a plugin in a process of its own: no line of it runs in the agent. What is returned looks like any plugin; its
 * schema tells what the process made of the entry's options, and its instance stands for the one in the process.
 * @throws TallymanError what could not be loaded, or does not work isolated
 */
export async function loadIsolated(entry: IsolatedEntry, sources: PluginSources): Promise<LoadedPlugin> {
  const { use, id = use, memoryLimit = DEFAULT_MEMORY_LIMIT, timeLimit = DEFAULT_TIME_LIMIT, startTimeout } = entry;
  const { place, module } = placeOf(use, sources);
  const options = {
    id,
    place,
    options: entry.with ?? {},
    memoryLimit,
    timeLimit,
    startTimeout,
    parentBond: findParentBond(),
  };
  const manifest = await inspect(use, options);
  if (manifest.kind !== 'app-metrics') {
    throw new TallymanError(`plugin "${use}" is of kind ${manifest.kind}, which works inside of the agent only`, {
      hint: 'isolate is for app-metrics plugins: remove it from this entry',
    });
  }
  return { module, plugin: standIn(manifest, (context) => new IsolatedAppMetrics(options, context)) };
}

function placeOf(use: string, sources: PluginSources): { place: ModulePlace; module: string } {
  if (!Object.hasOwn(sources.builtins, use)) {
    const url = locatePlugin(use, sources);
    return { place: { url }, module: url };
  }
  if (sources.builtinsModule === undefined)
    throw new TallymanError(`the built-in plugin "${use}" cannot be isolated here`);
  return { place: { url: sources.builtinsModule, builtin: use }, module: use };
}

/** Loads the plugin once, to know what it is. */
async function inspect(use: string, options: Omit<WorkerOptions, 'logger' | 'onFault' | 'onDeath'>): Promise<Manifest> {
  const worker = new WorkerProcess({ ...options, logger: SILENT, onFault: () => {}, onDeath: () => {} });
  try {
    return await worker.load();
  } catch (error) {
    if (error instanceof TallymanError && !(error instanceof BrokenPluginError)) throw error;
    const message = `could not be loaded in a process of its own: ${messageOf(error)}`;
    throw new BrokenPluginError(`plugin "${use}" ${message}`, { cause: new Error(`it ${message}`) });
  } finally {
    await worker.kill();
  }
}

function standIn(manifest: Manifest, create: (context: PluginContext) => IsolatedAppMetrics): Plugin {
  const { issues, optionsSchema, name, version, description } = manifest;
  const configSchema = {
    toJSONSchema: () => optionsSchema,
    safeParse: (data: unknown) =>
      issues === undefined
        ? { success: true, data }
        : { success: false, error: { issues, message: issues.map((issue) => messageIn(issue)).join('; ') } },
  };
  return {
    [PLUGIN_BRAND]: 'plugin',
    kind: 'app-metrics',
    name,
    version,
    description,
    apiVersion: PLUGIN_API_VERSION,
    configSchema: configSchema as unknown as Plugin['configSchema'],
    create,
  };
}

function messageIn(issue: unknown): string {
  const { message, path = [] } = issue as { message?: unknown; path?: readonly unknown[] };
  return path.length === 0 ? String(message) : `${path.join('.')}: ${String(message)}`;
}
