// What the scripts know of the project's files.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's folder. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '..');
/** What browsers load, below `src`: the build compiles it for them, apart from the agent. */
export const browserCode = join('plugins', 'endpoints', 'web-ui', 'browser');

/**
 * Folders, below the root, of all packages that are installed with Tallyman: what its `dependencies` lead to in the
 * lockfile. (The lockfile's own marks would count TypeScript too, as an optional peer of a runtime package.)
 */
export function runtimePackages() {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const found = new Set();
  const pending = [''];
  for (let from = pending.pop(); from !== undefined; from = pending.pop()) {
    const { dependencies, optionalDependencies } = packages[from];
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const path = locate(packages, from, name);
      if (path === undefined || found.has(path) || !existsSync(join(root, path))) continue;
      found.add(path);
      pending.push(path);
    }
  }
  return [...found].sort();
}

/** Where Node finds package `name` from within package `from`: the nearest node_modules upwards. */
function locate(packages, from, name) {
  for (let folder = from; ; folder = folder.slice(0, folder.lastIndexOf('node_modules')).replace(/\/$/, '')) {
    const path = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (packages[path] !== undefined) return path;
    if (folder === '') return undefined;
  }
}
