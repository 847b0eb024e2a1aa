// Runs the compiled tests: `node scripts/test.mjs [--times] [filter …]`, a filter being part of a path (`history`,
// `test/integration`). With --times it prints what each file took.
// Without a filter it starts no container engine, browser or virtual machine and leaves out the longest files, unless
// TALLYMAN_TEST_ALL=1 asks for all tests; then it fails when one was left out, as where everything is installed that
// hides that nothing was tested.
// Not by `node --test`, which sorts the files and starts as many as there are cores.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { Readable } from 'node:stream';
import { run } from 'node:test';
import { spec as Spec } from 'node:test/reporters';
import { browserCode, root } from './packages.mjs';
import { Tally } from './test-tally.mjs';
import { FileTimes } from './test-times.mjs';

const showsTimes = process.argv.includes('--times');
const filters = process.argv.slice(2).filter((argument) => argument !== '--times');
const isStrict = process.env.TALLYMAN_TEST_ALL === '1';
const isLight = filters.length === 0 && !isStrict;
if (isLight) process.env.TALLYMAN_TEST_LIGHT = '1';
// Agents that tests start as a user would keep their state in a directory that goes with the tests.
const state = mkdtempSync(join(tmpdir(), 'tallyman-test-state-'));
process.env.TALLYMAN_STATE_DIRECTORY = state;
process.once('exit', () => rmSync(state, { recursive: true, force: true }));
// The agents that tests start are those of dist/, and what browsers load is compiled by the build.
const built = spawnSync(process.execPath, [join(root, 'scripts/build.mjs'), '--if-needed'], { stdio: 'inherit' });
if (built.status !== 0) process.exit(1);
cpSync(join(root, 'dist', browserCode), join(root, '.test-build/src', browserCode), { recursive: true });
/** The files that take the longest, which start first. Without a filter only TALLYMAN_TEST_ALL=1 runs them. */
const LONGEST = [
  'test/service/cgroup-v2.test.js',
  'test/service/deb.test.js',
  'test/integration/plugin-commands.test.js',
  'test/integration/npm-package.test.js',
  'test/service/image.test.js',
  'test/integration/plugins-isolation.test.js',
  'test/integration/docker-agent.test.js',
  'test/integration/plugin-docs.test.js',
  'test/integration/openapi.test.js',
  'test/integration/cli.test.js',
  'test/integration/privileges.test.js',
  'test/integration/asking.test.js',
  'test/integration/web-ui.test.js',
  'test/integration/plugin-faults.test.js',
  'test/integration/web-security.test.js',
  'test/integration/reload.test.js',
];
/** Folders with attacks, faults of the host and thousands of cycles, which are left out like the longest files. */
const LONG_FOLDERS = ['test/hostile/', 'test/load/', 'test/integration/faults/'];
const isLong = (file) => LONGEST.includes(file) || LONG_FOLDERS.some((folder) => file.startsWith(folder));
/** Files that share processes, and how many: each process has to load what is tested and the runner. */
const SHARED = [
  { folder: 'src/', processes: 4 },
  { folder: 'test/conformance/', processes: 2 },
];
/** But for one that takes heap snapshots, which are the larger the more its process has loaded. */
const ALONE = ['src/plugins/endpoints/profiling/profiling.test.js'];
const tests = join(root, '.test-build');
const found = readdirSync(tests, { recursive: true })
  .filter((file) => file.endsWith('.test.js') && existsSync(join(root, file.replace(/js$/, 'ts'))))
  .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
  .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
const files = found.filter((file) => !(isLight && isLong(file)));
if (files.length === 0) {
  console.error('no test file matches');
  process.exit(1);
}

process.chdir(root);
const times = showsTimes ? new FileTimes() : undefined;
const tally = new Tally();
for (const file of found) if (!files.includes(file)) tally.leftOut();
const report = Readable.from(eventsOf(processesFor(files))).compose(new Spec());
for await (const text of report) process.stdout.write(text);
if (times !== undefined) console.log(times.table());
console.log(tally.summary());
if (tally.failures > 0 || (isStrict && tally.lacking > 0)) process.exitCode = 1;

function rank(file) {
  const index = LONGEST.indexOf(file);
  return index < 0 ? LONGEST.length : index;
}

/**
 * What to start for these files, one list after the other: most of them, and for those that share a process a module
 * that imports them. Virtual machines are among the first, and take the CPU from the tests beside them; hundreds of
 * tests with time limits of their own come after them.
 */
function processesFor(files) {
  const folder = mkdtempSync(join(tests, 'groups-'));
  process.once('exit', () => rmSync(folder, { recursive: true }));
  const isShared = (file) => !ALONE.includes(file) && SHARED.some((shared) => file.startsWith(shared.folder));
  const groups = SHARED.flatMap((shared) => {
    const members = files.filter((file) => isShared(file) && file.startsWith(shared.folder));
    return Array.from({ length: Math.min(shared.processes, members.length) }, (_, group) => {
      // Each in a suite of its own, which keeps its hooks to itself.
      const suites = members
        .filter((_, index) => index % shared.processes === group)
        .map((file) => `describe('${file}', async () => { await import('../${file}'); });\n`);
      const module = join(folder, `${shared.folder.replaceAll('/', '-')}${group + 1}.js`);
      writeFileSync(module, `import { describe } from 'node:test';\n\n${suites.join('')}`);
      return module;
    });
  });
  const others = files.filter((file) => !isShared(file)).map((file) => join(tests, file));
  const first = others.filter((file) => isLong(relative(tests, file)));
  const rest = [...groups, ...others.filter((file) => !first.includes(file))];
  return [first, rest].filter((files) => files.length > 0);
}

async function* eventsOf(lists) {
  // A file that hangs fails, and the rest still runs. Five at a time, also on two cores: most of them wait more than
  // they work, and two of them for a virtual machine.
  for (const files of lists) yield* withoutTotals(run({ files, concurrency: 5, timeout: 1_800_000 }));
}

/** Counts what passes and fails: the runner's own totals count a suite that was left out as nothing. */
async function* withoutTotals(events) {
  for await (const event of events) {
    if (event.type === 'test:fail') tally.failed(event.data);
    if (event.type === 'test:pass') tally.passed(event.data);
    if (event.type !== 'test:diagnostic' || event.data.nesting > 0) yield event;
  }
}
