import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, openSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { until } from './discovery.js';

export const run = promisify(execFile);

/** Between two questions whether it answers; each is a process. */
const LAUNCH_PAUSE_MS = 150;
/** Characters of an engine's log that tell why it did not start. */
const LOG_TAIL = 2000;

/** A container engine that runs as a child process, with all its files in a directory of its own. */
export class EngineProcess {
  readonly directory: string;
  private readonly command: string;
  private process: ChildProcess | undefined;

  constructor(command: string, name: string) {
    this.command = command;
    this.directory = mkdtempSync(join(tmpdir(), `tallyman-test-${name}-`));
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  /** Starts the program and waits until `answers` does not reject. */
  async launch(args: readonly string[], answers: () => Promise<unknown>): Promise<void> {
    const log = openSync(this.path('log'), 'a');
    // An own process group: a signal to the tests must not reach the engine before it is cleaned up.
    const child = spawn(this.command, args, { stdio: ['ignore', log, log], detached: true });
    this.process = child;
    for (let ready = false; !ready; ) {
      if (child.exitCode !== null) throw new Error(readFileSync(this.path('log'), 'utf8').slice(-LOG_TAIL));
      await pause(LAUNCH_PAUSE_MS);
      ready = await answers().then(
        () => true,
        () => false,
      );
    }
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.process;
    child?.kill(signal);
    await until(
      () => !this.running,
      () => `${this.command} does not end`,
    );
  }

  signal(signal: NodeJS.Signals): void {
    this.process?.kill(signal);
  }

  /** Whether the program runs. */
  get running(): boolean {
    return this.process !== undefined && this.process.exitCode === null && this.process.signalCode === null;
  }

  /** Kills what an engine that died left running: helpers that name its directory, and the containers below them. */
  killLeftovers(): void {
    const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    const helpers = processes.filter((pid) => readProcess(pid, 'cmdline').includes(`${this.directory}/`));
    for (const pid of helpers) {
      for (const child of readProcess(pid, `task/${pid}/children`).split(' ')) killProcess(child);
      killProcess(pid);
    }
  }

  /** Removes the files. A daemon that was killed, or that keeps its containers alive, leaves mounts behind. */
  async removeFiles(): Promise<void> {
    const mounts = readFileSync('/proc/self/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[1] ?? '')
      .filter((path) => path.startsWith(`${this.directory}/`));
    for (const path of mounts.reverse()) await run('umount', ['-l', path]);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function readProcess(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

function killProcess(pid: string): void {
  try {
    if (Number(pid) > 1) process.kill(Number(pid), 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}

/** The cgroup path of a process: in the memory hierarchy, or the only one. */
export function cgroupOf(pid: number | string): string {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n');
  const line = lines.find((text) => /:memory:/.test(text)) ?? lines.find((text) => text.startsWith('0::'));
  return line!.split(':').slice(2).join(':');
}

/** Removes a cgroup and what is below it from every hierarchy it is in; its processes must be gone. */
export function removeCgroups(path: string): void {
  for (const directory of cgroupDirectories(path)) removeTree(directory);
}

/** Removes a cgroup that others may use as well, where nothing is in it. */
export function removeEmptyCgroups(path: string): void {
  for (const directory of cgroupDirectories(path)) {
    try {
      rmdirSync(directory);
    } catch {
      // It is in use, or not there.
    }
  }
}

/** A cgroup in every hierarchy of the host, whether it is there or not. */
function cgroupDirectories(path: string): string[] {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, , type]) => type === 'cgroup' || type === 'cgroup2')
    .map(([, mount]) => join(mount!, path));
}

function removeTree(directory: string): void {
  let entries: { name: string; isDirectory(): boolean }[];
  try {
    entries = readdirSync(directory, { withFileTypes: true });
  } catch {
    return;
  }
  for (const entry of entries) if (entry.isDirectory()) removeTree(join(directory, entry.name));
  rmdirSync(directory);
}
