// Runs the compiled tests: `node scripts/test.mjs [filter …]`, a filter being part of a path (`history`, `test/integration`).
// Without a filter it starts no container engine, browser or virtual machine, unless TALLYMAN_TEST_ALL=1 asks for all
// tests; then it fails when one was left out, as where everything is installed that hides that nothing was tested.
// Not by `node --test`, which sorts the files and starts as many as there are cores.
import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec as Spec } from 'node:test/reporters';
import { browserCode, root } from './packages.mjs';
import { Tally } from './test-tally.mjs';

const filters = process.argv.slice(2);
const isStrict = process.env.TALLYMAN_TEST_ALL === '1';
const isLight = filters.length === 0 && !isStrict;
if (isLight) process.env.TALLYMAN_TEST_LIGHT = '1';
// The agents that tests start are those of dist/, and what browsers load is compiled by the build.
const built = spawnSync(process.execPath, [join(root, 'scripts/build.mjs'), '--if-needed'], { stdio: 'inherit' });
if (built.status !== 0) process.exit(1);
cpSync(join(root, 'dist', browserCode), join(root, '.test-build', 'src', browserCode), { recursive: true });
/** Minutes of attacks and of thousands of cycles, for runs that are asked for everything. */
const LONG = /^test\/(hostile|load)\//;
/** These boot virtual machines, one at a time: the first at once, the second when the first will be done. */
const [FIRST, SECOND] = ['test/service/deb.test.js', 'test/service/cgroup-v2.test.js'];
const found = readdirSync(join(root, '.test-build'), { recursive: true })
  .filter((file) => file.endsWith('.test.js'))
  .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
  .sort();
const files = found.filter((file) => !(isLight && LONG.test(file)) && file !== FIRST && file !== SECOND);
if (found.includes(SECOND)) files.splice(files.length / 2, 0, SECOND);
if (found.includes(FIRST)) files.unshift(FIRST);
if (files.length === 0) {
  console.error('no test file matches');
  process.exit(1);
}

process.chdir(root);
const tally = new Tally();
for (const file of found) if (!files.includes(file)) tally.leftOut();
// A file that hangs fails, and the rest still runs. Three at a time, also on two cores: most of them wait more than they
// work.
const tests = run({ files: files.map((file) => join(root, '.test-build', file)), concurrency: 3, timeout: 1_800_000 });
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
