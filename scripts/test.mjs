// Runs the compiled tests: `node scripts/test.mjs [filter …]`, a filter being part of a path (`history`, `test/integration`).
// With TALLYMAN_TEST_ALL=1 it also fails when a test of test/integration or test/service was skipped because this machine
// lacks something: where everything is installed a skip hides that nothing was tested.
// Not by `node --test`, which sorts the files: their order is what keeps the virtual machines apart.
import { cpSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec as Spec } from 'node:test/reporters';
import { browserCode, root } from './packages.mjs';

const filters = process.argv.slice(2);
// What browsers load is compiled for them, by the build.
if (!existsSync(join(root, 'dist', browserCode, 'page.js'))) {
  console.error('dist/ is missing or older than the tests: run `npm run build` first');
  process.exit(1);
}
cpSync(join(root, 'dist', browserCode), join(root, '.test-build', 'src', browserCode), { recursive: true });
/** Each boots a virtual machine and takes minutes: one runs first, beside the others, and one last, so that they never meet. */
const [FIRST, LAST] = ['test/service/deb.test.js', 'test/service/cgroup-v2.test.js'];
const placeOf = (file) => Number(file === LAST) - Number(file === FIRST);
const files = readdirSync(join(root, '.test-build'), { recursive: true })
  .filter((file) => file.endsWith('.test.js'))
  .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
  .sort((a, b) => placeOf(a) - placeOf(b) || (a < b ? -1 : 1));
if (files.length === 0) {
  console.error('no test file matches');
  process.exit(1);
}
/** Skips with these reasons are no lack: nothing could be installed against them. */
const DELIBERATE = [/^one hierarchy is all$/, /^this kernel has no /];
const lacking = [];

process.chdir(root);
// A file that hangs fails, and the rest still runs. Two at a time: most of them wait more than they work.
const tests = run({ files: files.map((file) => join(root, '.test-build', file)), concurrency: 2, timeout: 900_000 });
tests.on('test:fail', ({ todo }) => {
  if (todo === undefined || todo === false) process.exitCode = 1;
});
tests.on('test:pass', ({ skip, file = '', name }) => {
  if (skip === undefined || skip === false || !/\/test\/(integration|service)\//.test(file)) return;
  const reason = skip === true ? 'no reason' : skip;
  if (!DELIBERATE.some((pattern) => pattern.test(reason))) lacking.push(`skipped: ${file}: ${name}: ${reason}`);
});
tests.once('end', () => {
  if (process.env.TALLYMAN_TEST_ALL !== '1' || lacking.length === 0) return;
  process.exitCode = 1;
  process.once('exit', () => console.error(lacking.join('\n')));
});
tests.compose(new Spec()).pipe(process.stdout);
