// What each test file takes, for `node scripts/test.mjs --times`. Preloaded into the processes of the test files.
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const VARIABLE = 'TALLYMAN_TEST_TIMES';
const TICK_MS = 10;

/** Makes the files note their times; to be created before they are started. */
export class FileTimes {
  #folder = mkdtempSync(join(tmpdir(), 'tallyman-times-'));
  #notes = join(this.#folder, 'notes');

  constructor() {
    appendFileSync(this.#notes, '');
    process.env[VARIABLE] = this.#notes;
    process.env.NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ''} --import=${import.meta.url}`;
  }

  /** Wall-clock and CPU time of each file, the largest CPU time first. */
  table() {
    const lines = readFileSync(this.#notes, 'utf8').split('\n').filter(Boolean);
    rmSync(this.#folder, { recursive: true });
    const files = lines.map((line) => JSON.parse(line)).sort((a, b) => b.cpu - a.cpu);
    const seconds = (ms) => (ms / 1000).toFixed(1).padStart(7);
    const row = ({ file, wall, cpu }) => `${seconds(wall)} ${seconds(cpu)}  ${relative('.test-build', file)}`;
    const total = files.reduce((sum, { cpu }) => sum + cpu, 0);
    return ['  wall s   CPU s  file', ...files.map(row), `        ${seconds(total)}  all`].join('\n');
  }
}

const notes = process.env[VARIABLE];
if (notes !== undefined && process.argv[1] !== fileURLToPath(new URL('test.mjs', import.meta.url))) {
  const options = process.env.NODE_OPTIONS.replace(`--import=${import.meta.url}`, '').trim();
  // What a test starts is not a test file.
  delete process.env[VARIABLE];
  delete process.env.NODE_OPTIONS;
  if (options !== '') process.env.NODE_OPTIONS = options;
  process.on('exit', () => {
    const note = { file: process.argv[1], wall: Math.round(process.uptime() * 1000), cpu: cpuTime() };
    appendFileSync(notes, `${JSON.stringify(note)}\n`);
  });
}

/** Of this process and of those that it started and that have ended, in ms. */
function cpuTime() {
  const fields = readFileSync('/proc/self/stat', 'utf8').replace(/^.*\)/s, '').trim().split(' ');
  // User and system time of itself, then of its children, in ticks: fields 14 to 17 of proc(5).
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return ticks * TICK_MS;
}
