// Starts QEMU for run.mjs and build.sh: from a state saved with the engines running, or from power on.
//
//   node test/vm/machine.mjs FOLDER    boots the disk, kernel and initrd in FOLDER and saves `state` beside them
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/**
 * Nice value of an emulated machine. What a guest does all the time it does for longer where it gets less of the CPU: at
 * -7 a run of all tests takes 13:20 minutes in place of 11:49, at -3 14:42.
 */
const PRIORITY = -10;
const RESULTS_LIMIT = 256 * 1024 * 1024;
/** A saved machine knows the size of its disks. */
export const JOB_LIMIT = 2 * 1024 * 1024 * 1024;
/** MiB; that of the saved machine. */
export const DEFAULT_MEMORY = '2048';
/** What the guest says on its console when only the job is missing. */
const PREPARED = /job: waiting/;
const SAVE_LIMIT_MS = 300_000;

/** Where the CPU lacks these flags, /dev/kvm may exist (a paravirtual KVM) and still not start a stock kernel. */
export function hasKvm() {
  try {
    execFileSync('test', ['-w', '/dev/kvm']);
    return /\b(vmx|svm)\b/.test(readFileSync('/proc/cpuinfo', 'utf8'));
  } catch {
    return false;
  }
}

export function blankDisk(path, bytes = RESULTS_LIMIT) {
  writeFileSync(path, '');
  truncateSync(path, bytes);
  return path;
}

/**
 * @param options.folder of kernel, initrd, disk and perhaps state
 * @param options.work folder of this start: job.img, results.tar; the console is written there
 * @param options.keepsWrites whether what the guest writes on its root stays
 */
function machineArguments({ folder, work, memory = DEFAULT_MEMORY, keepsWrites = false }) {
  const disk = (path, snapshot) =>
    `file=${path.replaceAll(',', ',,')},if=virtio,format=raw,cache=unsafe,snapshot=${snapshot ? 'on' : 'off'}`;
  // Emulated AVX makes Node a third slower.
  const cpu = hasKvm() ? ['-accel', 'kvm', '-cpu', 'host'] : ['-accel', 'tcg,thread=multi', '-cpu', 'Nehalem'];
  return [
    ['-machine', 'q35', ...cpu, '-m', memory, '-smp', '2', '-nodefaults', '-no-user-config', '-no-reboot'],
    ['-display', 'none', '-nic', 'none', '-device', 'virtio-rng', '-serial', `file:${join(work, 'console')}`],
    ['-kernel', join(folder, 'kernel'), '-initrd', join(folder, 'initrd'), '-append'],
    ['root=/dev/vda rw console=ttyS0 loglevel=4 panic=-1 mitigations=off audit=0 apparmor=0 random.trust_cpu=on'],
    ['-drive', disk(join(folder, 'disk'), !keepsWrites), '-drive', disk(join(work, 'job.img'), true)],
    ['-drive', disk(join(work, 'results.tar'), false)],
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

/** @returns the process of QEMU, which dies with this one whatever happens to it */
function start(args) {
  const machine = spawn('setpriv', ['--pdeathsig', 'KILL', 'qemu-system-x86_64', ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    detached: true, // a session of its own
  });
  prefer(machine.pid);
  return machine;
}

/**
 * Runs the job on the disks in `work` to its end.
 * @param seconds limit of time
 * @param signal stops the machine
 */
export function runJob({ folder, work, memory, seconds, signal }) {
  return new Promise((resolve, reject) => {
    const state = join(folder, 'state');
    const isSaved = memory === DEFAULT_MEMORY && !hasKvm() && existsSync(state);
    // The guest sets its clock by it: that of a saved machine stands where it was saved.
    writeFileSync(join(work, 'results.tar'), `run ${Date.now() / 1000}\n`, { flag: 'r+' });
    const incoming = isSaved ? ['-incoming', `exec:cat '${state}'`] : [];
    const machine = start([...machineArguments({ folder, work, memory }), ...incoming]);
    let timedOut = false;
    const stop = () => machine.kill('SIGKILL');
    const timer = setTimeout(() => {
      timedOut = true;
      stop();
    }, seconds * 1000);
    signal.addEventListener('abort', stop);
    machine.once('error', reject);
    machine.once('exit', (code, by) => {
      clearTimeout(timer);
      resolve({ timedOut, code: code ?? by });
    });
  });
}

/** Speaks the QEMU Machine Protocol on its socket. @returns what sends a command and gives its answer */
async function controlOf(socket) {
  const connection = connect(socket);
  await once(connection, 'connect');
  const lines = createInterface(connection)[Symbol.asyncIterator]();
  await lines.next(); // its greeting
  const send = async (execute, more = {}) => {
    connection.write(`${JSON.stringify({ execute, arguments: more })}\n`);
    for (;;) {
      const { value, done } = await lines.next();
      if (done) throw new Error(`QEMU ended before it answered ${execute}`);
      const answer = JSON.parse(value);
      if (answer.error !== undefined) throw new Error(`${execute}: ${answer.error.desc}`);
      if (answer.return !== undefined) return answer.return;
    }
  };
  await send('qmp_capabilities');
  return send;
}

async function until(what, condition) {
  for (const deadline = Date.now() + SAVE_LIMIT_MS; !(await condition()); ) {
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Boots until only the job is missing, and saves memory and devices; what was written to the disk is in the disk. */
async function saveState(folder) {
  const work = mkdtempSync(join(tmpdir(), 'tallyman-vm-'));
  const socket = join(work, 'control');
  const consoleLog = join(work, 'console');
  blankDisk(join(work, 'job.img'), JOB_LIMIT);
  blankDisk(join(work, 'results.tar'));
  const control = ['-qmp', `unix:${socket},server=on,wait=off`];
  const machine = start([...machineArguments({ folder, work, keepsWrites: true }), ...control]);
  const end = once(machine, 'exit');
  try {
    await until('the machine to be prepared', () => {
      if (machine.exitCode !== null) throw new Error('QEMU ended early');
      return existsSync(consoleLog) && PREPARED.test(readFileSync(consoleLog, 'utf8'));
    });
    const send = await controlOf(socket);
    // Not stopped first: a machine that was would not go on by itself.
    // The default of 1 Gbit/s is one for networks.
    await send('migrate-set-parameters', { 'max-bandwidth': 2 ** 40 });
    await send('migrate', { uri: `exec:cat >'${join(folder, 'state')}'` });
    await until('the state to be saved', async () => {
      const { status, 'error-desc': why } = await send('query-migrate');
      if (status === 'failed') throw new Error(`the state cannot be saved: ${why}`);
      return status === 'completed';
    });
    await send('quit');
    await end;
  } catch (error) {
    const log = existsSync(consoleLog) ? readFileSync(consoleLog, 'utf8').split('\n').slice(-40).join('\n') : '';
    throw new Error(`${error.message}; its console ended:\n${log}`);
  } finally {
    machine.kill('SIGKILL');
    rmSync(work, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  // A state only fits the CPU that it was saved on; with KVM a boot takes seconds.
  if (!hasKvm()) await saveState(process.argv[2]);
}
