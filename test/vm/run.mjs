// Starts the virtual machine of build.sh (built when needed), runs one command in it as root and returns its status.
//
//   node test/vm/run.mjs [--timeout SECONDS] [--memory MIB] [--output DIR] [--console FILE] FOLDER COMMAND [ARG...]
//
// FOLDER is copied to the guest's /job, the working directory there; `node` is the binary that runs this script. What
// the command writes to /output comes back to --output DIR. Prints what the command printed, when it has ended. Docker, Podman
// and containerd run, and have the images that build.sh made.
// Status: the command's; 124 when the time limit (default 300 s, boot included) passed; 125 when the machine failed.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { blankDisk, DEFAULT_MEMORY, hasKvm, JOB_LIMIT, runJob } from './machine.mjs';

const MACHINE_FAILED = 125;
const TIMED_OUT = 124;
const USAGE = '[--timeout SECONDS] [--memory MIB] [--output DIR] [--console FILE] FOLDER COMMAND [ARG...]';
/** Aborted by the first signal: stops the machine, so that everything below is still removed. */
const interruption = new AbortController();

function fail(message, status = MACHINE_FAILED) {
  console.error(`test/vm/run.mjs: ${message}`);
  process.exitCode = status;
}

/** Lays FOLDER, the command and the Node binary onto the disk that the guest mounts as /job. */
function writeJobDisk(work, folder, command) {
  const job = join(work, 'job');
  cpSync(folder, job, { recursive: true, verbatimSymlinks: true });
  mkdirSync(join(job, '.bin'), { recursive: true });
  cpSync(process.execPath, join(job, '.bin', 'node'));
  writeFileSync(join(job, '.bin', 'command'), command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' '));
  const disk = blankDisk(join(work, 'job.img'), JOB_LIMIT);
  execFileSync('mke2fs', ['-q', '-F', '-t', 'ext4', '-O', '^has_journal', '-d', job, disk]);
}

/**
 * Waits until no other machine runs that shares the CPUs by emulation; one with KVM waits for nobody. Two at the same time take
 * longer than one after the other: what the guests do all the time, such as sampling, is done for longer.
 * @returns what lets the next one begin; the end of this process does, too
 */
async function turn(cache) {
  if (hasKvm()) return () => {};
  const holder = spawn('flock', [join(cache, 'running'), 'sh', '-c', 'echo held; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  interruption.signal.addEventListener('abort', () => holder.kill());
  await Promise.race([once(holder.stdout, 'data'), once(holder, 'exit')]);
  return () => holder.stdin.end();
}

function lastLines(path, count) {
  if (!existsSync(path)) return '(it wrote nothing)';
  return readFileSync(path, 'utf8').split('\n').slice(-count).join('\n');
}

async function run(work, options, folder, command) {
  const cache = execFileSync(join(dirname(fileURLToPath(import.meta.url)), 'build.sh'), { encoding: 'utf8' }).trim();
  writeJobDisk(work, folder, command);
  const resultDisk = blankDisk(join(work, 'results.tar'));
  const release = await turn(cache);
  const { memory, timeout } = options;
  const end = await runJob({ folder: cache, work, memory, seconds: Number(timeout), signal: interruption.signal });
  release();
  const consoleLog = join(work, 'console');
  if (options.console && existsSync(consoleLog)) cpSync(consoleLog, options.console);
  if (end.timedOut) {
    return fail(`stopped after ${options.timeout} s; its console ended:\n${lastLines(consoleLog, 40)}`, TIMED_OUT);
  }
  const results = join(work, 'results');
  mkdirSync(results);
  try {
    execFileSync('tar', ['-xf', resultDisk, '-C', results], { stdio: 'pipe' });
  } catch {}
  // An empty disk is an archive too, of nothing.
  if (!existsSync(join(results, 'status'))) {
    return fail(`stopped without a result (qemu: ${end.code}); its console ended:\n${lastLines(consoleLog, 40)}`);
  }
  process.stdout.write(readFileSync(join(results, 'log')));
  if (options.output) cpSync(join(results, 'output'), options.output, { recursive: true, verbatimSymlinks: true });
  process.exitCode = Number(readFileSync(join(results, 'status'), 'utf8'));
}

/** Options end at the first word that is none: the rest is the guest's. */
function parse(words) {
  const options = { timeout: '300', memory: DEFAULT_MEMORY, output: undefined, console: undefined };
  let at = 0;
  for (; words[at]?.startsWith('--'); at += 2) {
    const name = words[at].slice(2);
    if (!(name in options) || words[at + 1] === undefined) return undefined;
    options[name] = words[at + 1];
  }
  const [folder, ...command] = words.slice(at);
  if (command.length === 0 || !statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return undefined;
  return { options, folder, command };
}

const request = parse(process.argv.slice(2));
if (request === undefined) fail(`usage: run.mjs ${USAGE}`);
else {
  const work = mkdtempSync(join(tmpdir(), 'tallyman-vm-'));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => interruption.abort());
  try {
    await run(work, request.options, request.folder, request.command);
  } catch (error) {
    fail(error.message);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
