import { BrokenPluginError, type LoadedPlugin, type PluginEntry } from '../../config/index.js';
import {
  messageOf,
  PLUGIN_API_VERSION,
  PLUGIN_BRAND,
  type Plugin,
  type PluginContext,
  TallymanError,
} from '../../contracts/index.js';
import { locatePlugin, type PluginSources } from '../loader.js';
import { IsolatedAppMetrics } from './isolated-app-metrics.js';
import type { Manifest, ModuleLocation } from './protocol.js';
import { findParentDeathCommand, type ProcessOptions, WorkerProcess } from './worker-process.js';

export const DEFAULT_MEMORY_LIMIT = 128 * 1024 * 1024;
export const DEFAULT_TIME_LIMIT = 5_000;

const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/**
 * Loads a plugin in its own process, so that none of its code runs in the agent. The result is a proxy; its
 * schema returns the options that the process validated, and its instance forwards calls to the process.
 * @throws TallymanError what could not be loaded, or does not work isolated
 */
export async function loadIsolated(entry: PluginEntry, sources: PluginSources): Promise<LoadedPlugin> {
  const { use, id, memoryLimit = DEFAULT_MEMORY_LIMIT, timeLimit = DEFAULT_TIME_LIMIT, startTimeout } = entry;
  const { place, module } = locationOf(use, sources);
  const options = {
    id,
    place,
    options: entry.with,
    memoryLimit,
    timeLimit,
    startTimeout,
    parentDeathCommand: findParentDeathCommand(),
  };
  const manifest = await inspect(use, options);
  if (manifest.kind !== 'app-metrics') {
    throw new TallymanError(`plugin "${use}" is of kind ${manifest.kind}, which works inside of the agent only`, {
      hint: 'isolate is for app-metrics plugins: remove it from this entry',
    });
  }
  return { module, plugin: standIn(manifest, (context) => new IsolatedAppMetrics(options, context)) };
}

function locationOf(use: string, sources: PluginSources): { place: ModuleLocation; module: string } {
  if (!Object.hasOwn(sources.builtins, use)) {
    const url = locatePlugin(use, sources);
    return { place: { url }, module: url };
  }
  if (sources.builtinsModule === undefined)
    throw new TallymanError(`the built-in plugin "${use}" cannot be isolated here`);
  return { place: { url: sources.builtinsModule, builtin: use }, module: use };
}

/** Loads the plugin once to read its manifest. */
async function inspect(use: string, options: ProcessOptions): Promise<Manifest> {
  const worker = new WorkerProcess({ ...options, logger: SILENT, onFault: () => {}, onExit: () => {} });
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
