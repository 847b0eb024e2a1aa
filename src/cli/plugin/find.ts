import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assertTrusted, type LoadedPlugin } from '../../kernel/config/index.js';
import { loadPlugin } from '../../kernel/plugins/index.js';
import { builtinPlugins } from '../../plugins/builtins.js';

/** What an entry without `startTimeout` has. */
const LOAD_LIMIT_MS = 10_000;

/** A plugin that a command was pointed at. */
export interface FoundPlugin extends LoadedPlugin {
  /** Where its test cases are. */
  readonly folder: string;
}

/**
 * Loads the plugin of a folder or module; a name that is no such thing means what it means in a configuration.
 * @param directory that a relative path counts from
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
