// Boots the virtual machine of build.sh (built when needed), runs one command in it as root and returns its status.
//
//   node test/vm/run.mjs [--timeout SECONDS] [--memory MIB] [--output DIR] [--console FILE] FOLDER COMMAND [ARG...]
//
// FOLDER is copied to the guest's /job, the working directory there; `node` is the binary that runs this script. What
// the command writes to /output comes back to --output DIR. Prints what the command printed, when it has ended.
// Status: the command's; 124 when the time limit (default 300 s, boot included) passed; 125 when the machine failed.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { setPriority, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MACHINE_FAILED = 125;
const TIMED_OUT = 124;
/** Nice value of an emulated machine. */
const PRIORITY = -10;
const RESULTS_LIMIT = 256 * 1024 * 1024;
const USAGE = '[--timeout SECONDS] [--memory MIB] [--output DIR] [--console FILE] FOLDER COMMAND [ARG...]';
/** Aborted by the first signal: stops the machine, so that everything below is still removed. */
const interruption = new AbortController();

function fail(message, status = MACHINE_FAILED) {
  console.error(`test/vm/run.mjs: ${message}`);
  process.exitCode = status;
}

/** Where the CPU lacks these flags, /dev/kvm may exist (a paravirtual KVM) and still not start a stock kernel. */
function acceleration() {
  try {
    execFileSync('test', ['-w', '/dev/kvm']);
    if (/\b(vmx|svm)\b/.test(readFileSync('/proc/cpuinfo', 'utf8'))) return ['-accel', 'kvm', '-cpu', 'host'];
  } catch {}
  // Emulated AVX makes Node a third slower.
  return ['-accel', 'tcg,thread=multi', '-cpu', 'Nehalem'];
}

/** Lays FOLDER, the command and the Node binary onto a disk that the guest mounts as /job. */
function writeJobDisk(work, folder, command) {
  const job = join(work, 'job');
  cpSync(folder, job, { recursive: true, verbatimSymlinks: true });
  mkdirSync(join(job, '.bin'), { recursive: true });
  cpSync(process.execPath, join(job, '.bin', 'node'));
  writeFileSync(join(job, '.bin', 'command'), command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' '));
  const kibibytes = Number.parseInt(execFileSync('du', ['-sk', job], { encoding: 'utf8' }), 10);
  return blankDisk(join(work, 'job.img'), (Math.ceil((kibibytes * 1.3) / 1024) + 64) * 1024 * 1024, (disk) =>
    execFileSync('mke2fs', ['-q', '-F', '-t', 'ext4', '-O', '^has_journal', '-d', job, disk]),
  );
}

function blankDisk(path, bytes, format = () => {}) {
  writeFileSync(path, '');
  truncateSync(path, bytes);
  format(path);
  return path;
}

function machineArguments(cache, work, jobDisk, resultDisk, memory) {
  const disk = (path, snapshot) =>
    `file=${path.replaceAll(',', ',,')},if=virtio,format=raw,cache=unsafe,snapshot=${snapshot}`;
  return [
    ['-machine', 'q35', ...acceleration(), '-m', memory, '-smp', '2', '-nodefaults', '-no-user-config', '-no-reboot'],
    ['-display', 'none', '-nic', 'none', '-device', 'virtio-rng', '-serial', `file:${join(work, 'console')}`],
    ['-kernel', join(cache, 'kernel'), '-initrd', join(cache, 'initrd'), '-append'],
    ['root=/dev/vda rw console=ttyS0 loglevel=4 panic=-1 mitigations=off audit=0 apparmor=0 random.trust_cpu=on'],
    ['-drive', disk(join(cache, 'disk'), 'on'), '-drive', disk(jobDisk, 'on'), '-drive', disk(resultDisk, 'off')],
  ].flat();
}

/** Emulated machines run one after the other, so that they, and not the other tests, determine how long a run takes. */
function prefer(pid) {
  try {
    setPriority(pid, PRIORITY);
    // Where the scheduler divides the CPUs among sessions first, a nice value only counts within one.
    writeFileSync(`/proc/${pid}/autogroup`, String(PRIORITY));
  } catch {} // only root may, and not every kernel has autogroups
}

/** Runs QEMU to its end. It dies with this process whatever happens to it. */
function boot(args, seconds) {
  return new Promise((resolve, reject) => {
    const machine = spawn('setpriv', ['--pdeathsig', 'KILL', 'qemu-system-x86_64', ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
      detached: true, // a session of its own
    });
    let timedOut = false;
    const stop = () => machine.kill('SIGKILL');
    prefer(machine.pid);
    const timer = setTimeout(() => {
      timedOut = true;
      stop();
    }, seconds * 1000);
    interruption.signal.addEventListener('abort', stop);
    machine.once('error', reject);
    machine.once('exit', (code, signal) => {
      clearTimeout(timer);
      resolve({ timedOut, code: code ?? signal });
    });
  });
}

/**
 * Waits until no other machine runs that shares the CPUs by emulation; one with KVM waits for nobody. Two at the same time take
 * longer than one after the other: what the guests do all the time, such as sampling, is done for longer.
 * @returns what lets the next one begin; the end of this process does, too
 */
async function turn(cache) {
  if (acceleration().includes('kvm')) return () => {};
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
  const jobDisk = writeJobDisk(work, folder, command);
  const resultDisk = blankDisk(join(work, 'results.tar'), RESULTS_LIMIT);
  const release = await turn(cache);
  const end = await boot(machineArguments(cache, work, jobDisk, resultDisk, options.memory), Number(options.timeout));
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
  const options = { timeout: '300', memory: '2048', output: undefined, console: undefined };
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
