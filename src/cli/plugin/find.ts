import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { assertTrusted, type LoadedPlugin } from '../../kernel/config/index.js';
import { messageOf, TallymanError } from '../../kernel/contracts/index.js';
import { loadPlugin } from '../../kernel/plugins/index.js';
import { builtinPlugins } from '../../plugins/builtins.js';

/** The default of `startTimeout`. */
const LOAD_LIMIT_MS = 10_000;

export interface FoundPlugin extends LoadedPlugin {
  /** The folder with its test cases. */
  readonly folder: string;
}

/**
 * Loads the plugin of a folder or module. Other names are resolved as in a configuration.
 * @param directory base of relative paths
 * @throws TallymanError
 */
export async function findPlugin(given: string, directory: string): Promise<FoundPlugin> {
  const path = resolve(directory, given);
  const entry = { use: existsSync(path) ? path : given, startTimeout: LOAD_LIMIT_MS };
  const loaded = await loadPlugin(entry, {
    builtins: builtinPlugins,
    baseDir: directory,
    assertTrusted: (file) => assertTrusted(file, `plugin "${given}"`),
  });
  return { ...loaded, folder: folderOf(loaded.module, path) };
}

function folderOf(module: string, given: string): string {
  if (statSync(given, { throwIfNoEntry: false })?.isDirectory() === true) return given;
  if (!module.startsWith('file:')) return given;
  const own = dirname(fileURLToPath(module));
  for (let folder = own; ; folder = dirname(folder)) {
    if (['testcases', 'package.json'].some((name) => existsSync(join(folder, name)))) return folder;
    if (folder === dirname(folder)) return own;
  }
}

/**
 * Parses the value of `--with`.
 * @param text YAML
 * @throws TallymanError when it is not a mapping
 */
export function parseOptions(text: string): Readonly<Record<string, unknown>> {
  const hint = "--with '{ interval: 5s }'";
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw new TallymanError(`--with is not YAML: ${messageOf(error)}`, { hint });
  }
  if (value === null) return {};
  if (typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new TallymanError(`--with is not a mapping of options: ${text}`, { hint });
}
