// Fills dist/ from src/. With --if-needed it does nothing when dist/ is newer than every source,
// so `npm start` costs a directory walk and not a compiler run.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { browserCode, root } from './packages.mjs';

const stamp = join(root, 'dist', '.built');

function newestSource() {
  let newest = Math.max(statSync(join(root, 'tsconfig.json')).mtimeMs, statSync(join(root, 'package.json')).mtimeMs);
  for (const entry of readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })) {
    newest = Math.max(newest, statSync(join(entry.parentPath, entry.name)).mtimeMs);
  }
  return newest;
}

if (process.argv.includes('--if-needed') && existsSync(stamp) && statSync(stamp).mtimeMs > newestSource())
  process.exit(0);

const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
if (!existsSync(compiler)) {
  console.error('tallyman: the TypeScript compiler is missing; run `npm ci` first');
  process.exit(1);
}
rmSync(join(root, 'dist'), { recursive: true, force: true });
for (const project of [[root], [join(root, 'src', browserCode), '--noEmit']]) {
  const { status } = spawnSync(process.execPath, [compiler, '-p', ...project], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
// What `tallyman plugin new` copies is TypeScript for others to compile.
const templates = join('cli', 'plugin', 'templates');
cpSync(join(root, 'src', templates), join(root, 'dist', templates), { recursive: true });
// Not imported above, as the message about a missing compiler comes first.
await (await import('./bundle.mjs')).bundle();
const { status } = spawnSync(process.execPath, ['--hash-seed=1', join(root, 'scripts/bundle-cache.mjs')], {
  stdio: 'inherit',
});
if (status !== 0) process.exit(status ?? 1);
writeFileSync(stamp, '');
