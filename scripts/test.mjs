// Runs the compiled tests: `node scripts/test.mjs [filter …]`, a filter being part of a path (`history`, `test/integration`).
// A shell-expanded list of files is the one form that every supported Node's test runner takes.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const filters = process.argv.slice(2);
const files = readdirSync(join(root, '.test-build'), { recursive: true })
  .filter((file) => file.endsWith('.test.js'))
  .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
  .map((file) => join('.test-build', file))
  .sort();
if (files.length === 0) {
  console.error('no test file matches');
  process.exit(1);
}
// A file that hangs fails, and the rest still runs. The slowest one boots a virtual machine.
const flags = ['--test', '--test-reporter=spec', '--test-timeout=900000'];
const { status } = spawnSync(process.execPath, [...flags, ...files], {
  cwd: root,
  stdio: 'inherit',
});
process.exit(status ?? 1);
