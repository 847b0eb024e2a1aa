import { existsSync, readFileSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { resolve as resolvePackage } from 'import-meta-resolve';
import { Token } from '../composition/index.js';
import { BrokenPluginError, guardModules, isRefusal, type LoadedPlugin, type PluginEntry } from '../config/index.js';
import {
  codeOf,
  messageOf,
  PLUGIN_API_VERSION,
  PLUGIN_BRAND,
  PLUGIN_KINDS,
  type Plugin,
  TallymanError,
} from '../contracts/index.js';
import { withTimeLimit } from './time-limit.js';

/** The plugins that come with the agent. */
export interface BuiltinPlugins {
  /** By name. */
  readonly builtins: Readonly<Record<string, () => Promise<unknown>>>;
  /** URL of the module that exports that table as `builtinPlugins`, needed to isolate a built-in. */
  readonly builtinsModule?: string;
}

/** Where plugins can be loaded from. */
export interface PluginSources extends BuiltinPlugins {
  /** The agent's version, for plugins without their own. */
  readonly builtinVersion?: string;
  /** Directory of the config file, from which relative paths and package names are resolved. */
  readonly baseDir: string;
  /** Throws a `TallymanError` when other users could change a plugin file. */
  readonly assertTrusted: (path: string) => void;
  /** Plugins that are already loaded, by entry id. */
  readonly modules?: ReadonlyMap<string, Promise<LoadedPlugin>>;
}

export const BUILTINS = new Token<BuiltinPlugins>('built-in plugins');

/** Main modules of a folder without a package.json. */
const INDEXES = ['index.js', 'index.mjs', 'index.cjs'] as const;

/**
 * Loads the plugin that a config entry names. There is no search: a name that is not a built-in is a path or a
 * package.
 * @throws TallymanError what could not be loaded, from where, and why
 */
export async function loadPlugin(
  { use, startTimeout }: Pick<PluginEntry, 'use' | 'startTimeout'>,
  sources: PluginSources,
): Promise<LoadedPlugin> {
  const builtin = Object.hasOwn(sources.builtins, use) ? sources.builtins[use] : undefined;
  if (builtin !== undefined) return { plugin: checkPlugin(await builtin(), use), module: use };
  const url = locatePlugin(use, sources);
  guardModules();
  return { plugin: checkPlugin(await importModule(use, url, startTimeout), use), module: url };
}

/**
 * Finds the module of a plugin that is not built in.
 * @returns its URL
 * @throws TallymanError when there is none, or other users could change it
 */
export function locatePlugin(use: string, sources: PluginSources): string {
  const url = locate(use, sources);
  const file = url.startsWith('file:') ? fileURLToPath(url) : undefined;
  if (file === undefined || !existsSync(file)) {
    throw new TallymanError(`plugin "${use}" is neither built in nor a module that exists: ${file ?? url}`, {
      ...(/\/(dist|build|lib)\//.test(url) && { hint: 'a package in development is built first: npm run build' }),
    });
  }
  sources.assertTrusted(file);
  return url;
}

function locate(use: string, { baseDir, assertTrusted }: PluginSources): string {
  if (/^\.{0,2}\//.test(use)) {
    const path = isAbsolute(use) ? use : join(baseDir, use);
    const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
    return isFolder ? mainModuleOf(path, use, assertTrusted) : pathToFileURL(path).href;
  }
  try {
    return resolvePackage(use, pathToFileURL(join(baseDir, 'config')).href);
  } catch (error) {
    const reason = codeOf(error) === 'ERR_MODULE_NOT_FOUND' ? '' : `: ${messageOf(error)}`;
    throw new TallymanError(`plugin "${use}" is neither built in nor an installed package${reason}`, {
      hint: `npm install --prefix ${baseDir} ${use}, or give a path that starts with ./`,
      cause: error,
    });
  }
}

/**
 * The main module of a package in a folder, by its package.json, else its index.
 * @throws TallymanError when there is none, or other users could change it
 */
function mainModuleOf(folder: string, use: string, assertTrusted: PluginSources['assertTrusted']): string {
  const manifest = join(folder, 'package.json');
  if (!existsSync(manifest)) {
    const index = INDEXES.find((name) => existsSync(join(folder, name))) ?? INDEXES[0];
    return pathToFileURL(join(folder, index)).href;
  }
  try {
    const { name, main, exports } = JSON.parse(readFileSync(manifest, 'utf8')) as Record<string, unknown>;
    assertTrusted(manifest);
    // Node resolves a package's `exports` by its name only, inside the package too.
    if (exports !== undefined) return resolvePackage(String(name), pathToFileURL(manifest).href);
    return pathToFileURL(join(folder, typeof main === 'string' ? main : 'index.js')).href;
  } catch (error) {
    if (error instanceof TallymanError) throw error;
    throw new TallymanError(`plugin "${use}" is a folder whose package.json names no module: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** @throws TallymanError when others could change one of the modules, BrokenPluginError when it fails or takes too long */
export async function importModule(use: string, url: string, limitMs: number): Promise<unknown> {
  const late = () =>
    new TallymanError(`its top-level code did not end within ${limitMs} ms`, {
      hint: 'a plugin waits in `start`, not in an `await` at the top level of its module; or raise startTimeout',
    });
  try {
    return await withTimeLimit(import(url), limitMs, late);
  } catch (error) {
    ignoreRepetition(error);
    if (isRefusal(error)) throw new TallymanError(`plugin "${use}": ${error.message}`);
    throw new BrokenPluginError(`plugin "${use}" could not be loaded from ${url}: ${messageOf(error)}`, {
      cause: error,
      ...hintOf(error),
    });
  }
}

/** The hint of an error, also of one of another copy of this package. */
function hintOf(error: unknown): { hint?: string } {
  const { hint } = (error ?? {}) as { hint?: unknown };
  return typeof hint === 'string' ? { hint } : {};
}

/** Node 20 also reports an error of a CommonJS module imported by an ES module as an unhandled rejection. */
function ignoreRepetition(error: unknown): void {
  const ignore = (reason: unknown) => {
    if (reason !== error) throw reason;
  };
  process.on('unhandledRejection', ignore);
  setImmediate(() => process.off('unhandledRejection', ignore));
}

/** The default export; a CommonJS module that was compiled from ESM has it one level deeper. */
function unwrap(module: unknown): unknown {
  let value = module;
  for (let depth = 0; depth < 2; depth++) {
    if (typeof value !== 'object' || value === null || PLUGIN_BRAND in value || !('default' in value)) break;
    value = value.default;
  }
  return value;
}

/**
 * Checks that a value is a plugin this kernel can run: by its brand and contract version, never by class identity.
 * @throws TallymanError naming the first problem
 */
export function checkPlugin(module: unknown, use: string): Plugin {
  const value = unwrap(module);
  const fail = (what: string, hint?: string) => {
    throw new TallymanError(`plugin "${use}" ${what}`, hint === undefined ? {} : { hint });
  };
  if (typeof value !== 'object' || value === null || !(PLUGIN_BRAND in value)) {
    return fail('does not export a plugin', 'export default definePlugin({ … }) from the module');
  }
  const plugin = value as Plugin;
  if (plugin.apiVersion !== PLUGIN_API_VERSION) {
    fail(
      `was written for plugin API ${String(plugin.apiVersion)}; this agent has ${PLUGIN_API_VERSION}`,
      'install a version of the plugin, or of the agent, that fits the other',
    );
  }
  if (!PLUGIN_KINDS.includes(plugin.kind)) {
    fail(`has the unknown kind "${String(plugin.kind)}"; known: ${PLUGIN_KINDS.join(', ')}`);
  }
  if (typeof plugin.name !== 'string' || plugin.name === '') fail('has no name');
  if (typeof plugin.create !== 'function') fail('has no create function');
  if (typeof plugin.configSchema?.safeParse !== 'function') fail('has no configSchema (a zod schema)');
  return plugin;
}
