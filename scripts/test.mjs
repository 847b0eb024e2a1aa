// Runs the compiled tests: `node scripts/test.mjs [filter …]`, a filter being part of a path (`history`, `test/integration`).
// Without a filter it starts no container engine, browser or virtual machine, unless TALLYMAN_TEST_ALL=1 asks for all
// tests; then it fails when one was left out, as where everything is installed that hides that nothing was tested.
// Not by `node --test`, which sorts the files: their order is what keeps the virtual machines apart.
import { cpSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec as Spec } from 'node:test/reporters';
import { browserCode, root } from './packages.mjs';
import { Tally } from './test-tally.mjs';

const filters = process.argv.slice(2);
const isStrict = process.env.TALLYMAN_TEST_ALL === '1';
if (filters.length === 0 && !isStrict) process.env.TALLYMAN_TEST_LIGHT = '1';
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

process.chdir(root);
const tally = new Tally();
// A file that hangs fails, and the rest still runs. Two at a time: most of them wait more than they work.
const tests = run({ files: files.map((file) => join(root, '.test-build', file)), concurrency: 2, timeout: 900_000 });
tests.on('test:fail', (event) => tally.failed(event));
tests.on('test:pass', (event) => tally.passed(event));
const report = tests.compose(withoutTotals).compose(new Spec());
for await (const text of report) process.stdout.write(text);
console.log(tally.summary());
if (tally.failures > 0 || (isStrict && tally.lacking > 0)) process.exitCode = 1;

/** The runner's own totals count a suite that was left out as nothing. */
async function* withoutTotals(events) {
  for await (const event of events) {
    if (event.type !== 'test:diagnostic' || event.data.nesting > 0) yield event;
  }
}
