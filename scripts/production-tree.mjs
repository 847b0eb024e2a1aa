// Lays out what an installation consists of: `node scripts/production-tree.mjs FOLDER` copies dist/, config/,
// package.json and the runtime packages there. Takes them from this clone, so it needs a build and no registry.
import { cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { root, runtimePackages } from './packages.mjs';

const [target] = process.argv.slice(2);
const built = existsSync(join(root, 'dist', 'cli', 'main.js'));
if (target === undefined || !built) {
  const problem = built
    ? 'usage: node scripts/production-tree.mjs FOLDER'
    : 'dist/ is missing: run `npm run build` first';
  console.error(problem);
  process.exit(1);
}

/** Packages bring types and source maps that nothing loads. Their licences stay. */
const isLoaded = (path) => !/\.([cm]?ts|map)$/.test(path);
// A package inside another comes along with that one.
const packages = runtimePackages().filter((path) => !path.includes('/node_modules/'));

for (const path of ['package.json', 'LICENSE', 'dist', 'config']) copy(path);
for (const path of packages) copy(path, isLoaded);

function copy(path, filter = () => true) {
  cpSync(join(root, path), join(target, path), { recursive: true, dereference: true, filter });
}
