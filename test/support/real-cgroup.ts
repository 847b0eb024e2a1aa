import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { resolveHostPaths } from '../../src/kernel/linux/host-paths.js';
import { detectHierarchies } from '../../src/kernel/linux/index.js';

const { mounts, version } = detectHierarchies(resolveHostPaths());

/** Controllers of this host's hierarchies. */
export const CONTROLLERS = mounts.flatMap(({ controllers }) => [...controllers]);
export const CGROUP_VERSION = version;

/** A shell script that runs in a cgroup. It ends with its standard input, or is killed with its cgroup. */
export class Script {
  private output = '';

  constructor(private readonly child: ChildProcess) {
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.output += text;
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Writes to its standard input. */
  write(text: string): void {
    this.child.stdin!.write(text);
  }

  /** Waits until it printed a word. @throws Error when it ended without */
  async said(word: string): Promise<void> {
    while (!this.output.includes(word)) {
      if (this.child.exitCode !== null) throw new Error(`the script ended without "${word}": ${this.output}`);
      await Promise.race([once(this.child.stdout!, 'data'), once(this.child, 'close')]);
    }
  }
}

/** A cgroup of this machine's kernel, with processes of its own; `remove` leaves nothing behind. */
export class RealCgroup {
  /** By its directory: the topmost one that had to be made for it. */
  private readonly made = new Map<string, string>();
  private readonly children: ChildProcess[] = [];

  /** @param name absolute container name; unique to the test and its process */
  constructor(readonly name: string) {}

  /** Makes its directory in the hierarchies of these controllers. */
  create(controllers: readonly string[] = CONTROLLERS): this {
    for (const { controllers: mounted, path } of mounts) {
      if (!mounted.some((controller) => controllers.includes(controller))) continue;
      const directory = join(path, this.name);
      const topmost = mkdirSync(directory, { recursive: true });
      this.made.set(directory, topmost ?? directory);
      if (mounted.includes('cpuset')) this.openCpuset(path, directory);
    }
    return this;
  }

  /** Absolute path of one of its files. */
  path(controller: string, file: string): string {
    const mount = mounts.find(({ controllers }) => (controllers as readonly string[]).includes(controller))!;
    return join(mount.path, this.name, file);
  }

  read(controller: string, file: string): string {
    return readFileSync(this.path(controller, file), 'utf8').trim();
  }

  write(controller: string, file: string, text: string): void {
    writeFileSync(this.path(controller, file), text);
  }

  /** Limits its memory, and allows no swap beyond it. */
  limitMemory(bytes: number): void {
    this.write('memory', version === 1 ? 'memory.limit_in_bytes' : 'memory.max', String(bytes));
    const swap = version === 1 ? 'memory.memsw.limit_in_bytes' : 'memory.swap.max';
    if (existsSync(this.path('memory', swap))) this.write('memory', swap, version === 1 ? String(bytes) : '0');
  }

  /** Runs a shell script that starts inside the cgroup. */
  async run(script: string): Promise<Script> {
    const enter = [...this.made.keys()].map((directory) => `echo $$ > ${directory}/cgroup.procs`).join(' && ');
    const child = spawn('/bin/sh', ['-c', `${enter} && echo entered && ${script}`], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.children.push(child);
    const running = new Script(child);
    await running.said('entered');
    return running;
  }

  /** Kills what was run in it. */
  async killScripts(): Promise<void> {
    const ended = this.children.splice(0).map(async (child) => {
      const gone = child.exitCode !== null || child.signalCode !== null ? undefined : once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    });
    await Promise.all(ended);
  }

  /** Kills what runs in it and removes it, from all hierarchies it was made in or from some. */
  async remove(controllers: readonly string[] = CONTROLLERS): Promise<void> {
    await this.killScripts();
    for (const { controllers: mounted, path } of mounts) {
      const directory = join(path, this.name);
      const topmost = this.made.get(directory);
      if (topmost === undefined || !mounted.some((controller) => controllers.includes(controller))) continue;
      await removeDirectory(directory);
      for (let above = directory; above !== topmost; ) {
        above = dirname(above);
        removeIfEmpty(above);
      }
      this.made.delete(directory);
    }
  }

  /** A v1 cpuset takes no process, and no CPUs for one below it, before it has CPUs and memory nodes. */
  private openCpuset(mount: string, directory: string): void {
    if (version !== 1 || directory === mount) return;
    this.openCpuset(mount, dirname(directory));
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      const path = join(directory, file);
      if (readFileSync(path, 'utf8').trim() === '') writeFileSync(path, readFileSync(join(mount, file), 'utf8'));
    }
  }
}

/** Others may use it by now, such as an engine that was started since. */
function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    if (!['EBUSY', 'ENOTEMPTY', 'ENOENT'].includes((error as NodeJS.ErrnoException).code!)) throw error;
  }
}

/** The kernel may still count a process that was just killed. */
async function removeDirectory(directory: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    try {
      rmdirSync(directory);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || Date.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
