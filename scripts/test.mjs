// Runs the compiled tests: `node scripts/test.mjs [filter …]`, a filter being part of a path (`history`, `test/integration`).
// With TALLYMAN_TEST_ALL=1 it also fails when a test of test/integration or test/service was skipped because this machine
// lacks something: where everything is installed a skip hides that nothing was tested.
// A shell-expanded list of files is the one form that every supported Node's test runner takes.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const filters = process.argv.slice(2);
// What browsers load is compiled for them, by the build.
const browserCode = join('plugins', 'endpoints', 'web-ui', 'browser');
if (!existsSync(join(root, 'dist', browserCode, 'page.js'))) {
  console.error('dist/ is missing or older than the tests: run `npm run build` first');
  process.exit(1);
}
cpSync(join(root, 'dist', browserCode), join(root, '.test-build', 'src', browserCode), { recursive: true });
/** The virtual machine's files take minutes each: begun first, they run beside all others. */
const isSlow = (file) => Number(file.includes('/service/'));
const files = readdirSync(join(root, '.test-build'), { recursive: true })
  .filter((file) => file.endsWith('.test.js'))
  .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
  .map((file) => join('.test-build', file))
  .sort((a, b) => isSlow(b) - isSlow(a) || (a < b ? -1 : 1));
if (files.length === 0) {
  console.error('no test file matches');
  process.exit(1);
}
// A file that hangs fails, and the rest still runs. Two at a time: most of them wait more than they work.
const flags = ['--test', '--test-reporter=spec', '--test-timeout=900000', '--test-concurrency=2'];
/** Skips with these reasons are no lack: nothing could be installed against them. */
const DELIBERATE = [/^one hierarchy is all$/, /^this kernel has no /];

function run(reporters) {
  return spawnSync(process.execPath, [...flags, ...reporters, ...files], { cwd: root, stdio: 'inherit' }).status ?? 1;
}

/** Runs the tests and says which ones were skipped for want of something. */
function runAll() {
  const work = mkdtempSync(join(tmpdir(), 'tallyman-skips-'));
  const list = join(work, 'skips');
  const second = [`--test-reporter=${join(root, 'scripts/skips-reporter.mjs')}`, `--test-reporter-destination=${list}`];
  try {
    const status = run(['--test-reporter-destination=stdout', ...second]);
    const lacking = readFileSync(list, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line))
      .filter(({ file }) => /(^|\/)test\/(integration|service)\//.test(file))
      .filter(({ reason }) => !DELIBERATE.some((pattern) => pattern.test(reason)));
    for (const { file, name, reason } of lacking) console.error(`skipped: ${file}: ${name}: ${reason || 'no reason'}`);
    return lacking.length === 0 ? status : status || 1;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

process.exit(process.env.TALLYMAN_TEST_ALL === '1' ? runAll() : run([]));
