// The containers of the soak: cgroups that come and go, and a few that stay and use CPU time.
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hierarchies } from '../cgroups.mjs';

const BUSY = 'while :; do i=0; while [ $i -lt 200 ]; do i=$((i+1)); done; sleep 0.5; done';

export class Containers {
  /** Since when the oracle knows of a container, and of its removal: name → monotonic ms. */
  created = new Map();
  removed = new Map();
  made = 0;
  #roots = hierarchies();
  #processes = [];

  /** @param name cgroup path of their parent */
  constructor(name) {
    this.name = name;
    this.#make(name);
  }

  /** Those that are there now. */
  get current() {
    return [...this.created.keys()];
  }

  add(prefix = 'c') {
    const name = `${this.name}/${prefix}${this.made++}`;
    this.#make(name);
    this.created.set(name, performance.now());
    return name;
  }

  /** One that stays, with a process that uses a little CPU time. */
  addBusy() {
    const name = this.add('busy');
    const child = spawn('/bin/sh', ['-c', BUSY], { stdio: 'ignore' });
    for (const { path } of this.#roots) writeFileSync(join(path, name, 'cgroup.procs'), String(child.pid));
    this.#processes.push(child);
    return name;
  }

  remove(name) {
    for (const { path } of this.#roots) rmdirSync(join(path, name));
    this.created.delete(name);
    this.removed.set(name, performance.now());
  }

  /** What the kernel has below the parent. */
  inKernel() {
    const [{ path }] = this.#roots;
    return readdirSync(join(path, this.name), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => `${this.name}/${entry.name}`);
  }

  /** CPU time in ns, as the kernel says. */
  cpuTime(name) {
    for (const { path, unified } of this.#roots) {
      const text = read(join(path, name, unified ? 'cpu.stat' : 'cpuacct.usage'));
      if (text !== undefined) return unified ? Number(/^usage_usec (\d+)/m.exec(text)[1]) * 1000 : Number(text);
    }
    throw new Error(`${name} has no CPU time`);
  }

  async dispose() {
    for (const child of this.#processes) child.kill('SIGKILL');
    for (const name of [...this.inKernel(), this.name]) {
      for (const { path } of this.#roots) await removeFolder(join(path, name));
    }
  }

  #make(name) {
    for (const { path } of this.#roots) {
      mkdirSync(join(path, name), { recursive: true });
      for (const file of ['cpuset.cpus', 'cpuset.mems']) {
        const text = read(join(path, name, '..', file));
        if (text !== undefined) writeFileSync(join(path, name, file), text);
      }
    }
  }
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

async function removeFolder(folder) {
  for (let tries = 0; ; tries++) {
    try {
      return rmdirSync(folder);
    } catch (error) {
      if (error.code === 'ENOENT') return;
      if (tries > 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
