import { readdirSync, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type HostPaths, type ProcessInfo, readText, Slices } from '../../contracts/index.js';
import { hostFile } from '../host-paths.js';
import { cpuTime, percentCpu, percentMemory, startTime, stateFlags } from './columns.js';
import { parseCgroupPath, parsePasswd, parseStat, parseStatus } from './parse.js';

/** `CLK_TCK` of every Linux architecture that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Values shared by all processes of one listing. */
interface Context {
  readonly proc: string;
  readonly users: ReadonlyMap<number, string>;
  readonly nowMs: number;
  /** Seconds since boot. */
  readonly uptime: number;
  readonly machineKib: number;
}

/**
 * Processes below the host's `/proc` by PID, with the columns of ps. Processes that end meanwhile, or whose descriptors
 * cannot be counted, are omitted.
 * @param nowMs the wall-clock time
 * @param memoryCapacity of the machine, bytes
 * @param wanted PIDs of the processes to list; default: all
 */
export async function listProcesses(
  paths: HostPaths,
  nowMs: number,
  memoryCapacity: number,
  wanted?: readonly number[],
): Promise<ProcessInfo[]> {
  const context: Context = {
    proc: paths.proc,
    users: parsePasswd(readText(hostFile(paths, '/etc/passwd')) ?? ''),
    nowMs,
    uptime: Number.parseFloat(readText(join(paths.proc, 'uptime')) ?? '') || 0,
    machineKib: memoryCapacity / 1024,
  };
  const pids = wanted ?? (await allPids(paths));
  const processes: ProcessInfo[] = [];
  const slices = new Slices();
  for (const pid of [...pids].sort((a, b) => a - b)) {
    if (slices.isOver()) await slices.pause();
    const process = readProcess(pid, context);
    if (process !== undefined) processes.push(process);
  }
  return processes;
}

async function allPids({ proc }: HostPaths): Promise<number[]> {
  const names = await readdir(proc).catch((): string[] => []);
  return names.filter((name) => /^\d+$/.test(name)).map(Number);
}

function readProcess(pid: number, context: Context): ProcessInfo | undefined {
  const directory = join(context.proc, String(pid));
  const stat = parseStat(readText(join(directory, 'stat')) ?? '');
  const statusText = readText(join(directory, 'status'));
  const fdCount = countDescriptors(join(directory, 'fd'));
  if (stat === undefined || statusText === undefined || fdCount === undefined) return undefined;
  const status = parseStatus(statusText);
  const age = context.uptime - stat.startTicks / TICKS_PER_SECOND;
  const cpuSeconds = stat.cpuTicks / TICKS_PER_SECOND;
  return {
    user: context.users.get(status.user) ?? String(status.user),
    pid,
    parent_pid: stat.parent,
    start_time: startTime(context.nowMs - age * 1000, context.nowMs),
    percent_cpu: percentCpu(cpuSeconds, age),
    percent_mem: percentMemory(status.resident, context.machineKib),
    rss: status.resident * 1024,
    virtual_size: status.virtualSize * 1024,
    status: stateFlags(pid, stat, status.locked),
    running_time: cpuTime(cpuSeconds),
    cgroup_path: parseCgroupPath(readText(join(directory, 'cgroup')) ?? ''),
    cmd: stat.state === 'Z' ? `${stat.comm} <defunct>` : stat.comm,
    fd_count: fdCount,
    psr: stat.processor,
  };
}

/** Since Linux 6.2 the directory's size is the count; before that it is 0, and the entries are counted. */
function countDescriptors(directory: string): number | undefined {
  try {
    const { size } = statSync(directory);
    return size > 0 ? size : readdirSync(directory).length;
  } catch {
    return undefined;
  }
}

/** When a process started, in clock ticks since the boot; `undefined` when there is none with this PID. */
export function startTicksOf(pid: number): number | undefined {
  return parseStat(readText(`/proc/${pid}/stat`) ?? '')?.startTicks;
}
