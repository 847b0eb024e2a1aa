// Lays out what an installation consists of: `node scripts/production-tree.mjs FOLDER` copies dist/, config/,
// package.json and the runtime packages there. Takes them from this clone, so it needs a build and no registry.
import { cpSync, existsSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { root, runtimePackages } from './packages.mjs';

const target = process.argv[2];
if (target === undefined || !existsSync(join(root, 'dist', 'cli', 'main.js'))) {
  console.error(
    target === undefined
      ? 'usage: node scripts/production-tree.mjs FOLDER'
      : 'dist/ is missing: run `npm run build` first',
  );
  process.exit(1);
}
const nested = /\/node_modules\//;
const copied = [
  'package.json',
  'LICENSE',
  'dist',
  'config',
  ...runtimePackages().filter((path) => !nested.test(path.slice(1))),
];
for (const path of copied.filter((path) => existsSync(join(root, path)))) {
  const from = join(root, path);
  const own = path.startsWith('node_modules/') ? runtimeFilesOnly : undefined;
  mkdirSync(join(target, path, '..'), { recursive: true });
  cpSync(from, join(resolve(target), path), { recursive: true, dereference: true, ...(own && { filter: own }) });
}

/** Packages bring sources, types and tests of theirs that nothing loads. */
function runtimeFilesOnly(path) {
  return !/\.(d\.[cm]?ts|[cm]?ts|map|md|markdown)$/.test(path);
}
