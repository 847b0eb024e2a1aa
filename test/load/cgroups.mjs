// Real cgroups for the bench: one parent with N children in every hierarchy of this host, v1 or v2.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const PREFIX = 'tallyman-bench-';
const OWN_NAME = new RegExp(`^${PREFIX}(?:agents-)?(\\d+)$`);
/** Of CPU time among siblings: cgroup v1 counts in another unit than v2. */
const DEFAULT_WEIGHT = 100;
const DEFAULT_SHARES = 1024;

/** Mount points of all cgroup hierarchies with controllers. A hybrid host's unified mount has none and is left out. */
export function hierarchies() {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' - '))
    .filter(([, rest]) => rest !== undefined)
    .map(([left, rest]) => ({ path: left.split(' ')[4], type: rest.split(' ')[0], options: rest.split(' ')[2] }));
  const v1 = mounts.filter(({ type, options }) => type === 'cgroup' && !/(^|,)name=/.test(options));
  if (v1.length > 0) return v1.map(({ path }) => ({ path, unified: false }));
  return mounts.filter(({ type }) => type === 'cgroup2').map(({ path }) => ({ path, unified: true }));
}

/** Gives every controller to the children of a v2 cgroup, as far as the kernel lets it. */
function delegate(folder) {
  for (const controller of readFileSync(join(folder, 'cgroup.controllers'), 'utf8').trim().split(' ')) {
    try {
      writeFileSync(join(folder, 'cgroup.subtree_control'), `+${controller}`);
    } catch {} // some, such as a busy cpu controller, cannot be given
  }
}

/** A v1 cpuset takes no process until it has CPUs and memory nodes; children copy the parent's. */
function fillCpuset(root, folder) {
  if (!existsSync(join(folder, 'cpuset.cpus'))) return;
  for (const file of ['cpuset.cpus', 'cpuset.mems']) writeFileSync(join(folder, file), readFileSync(join(root, file)));
  writeFileSync(join(folder, 'cgroup.clone_children'), '1');
}

/**
 * Makes the cgroups.
 * @returns `name`: the parent's cgroup path; `folders`: for each child its directories, one per hierarchy
 */
export function createCgroups(count) {
  const name = `/${PREFIX}${process.pid}`;
  const roots = hierarchies();
  for (const { path, unified } of roots) {
    const parent = join(path, name);
    if (unified) delegate(path);
    mkdirSync(parent);
    if (unified) delegate(parent);
    else fillCpuset(path, parent);
  }
  const folders = Array.from({ length: count }, (_, index) =>
    roots.map(({ path }) => join(path, name, `c${String(index).padStart(4, '0')}`)),
  );
  for (const folder of folders.flat()) mkdirSync(folder);
  return { name, folders };
}

/** Moves a process into a cgroup with this weight (`cpu.weight`), beside those of the bench; where there is no cpu controller, not. */
export function giveCpuWeight(pid, weight) {
  for (const { path, unified } of hierarchies()) {
    const folder = join(path, `${PREFIX}agents-${process.pid}`);
    if (unified) delegate(path);
    else if (!existsSync(join(path, 'cpu.shares'))) continue;
    if (mkdirSync(folder, { recursive: true }) !== undefined) process.once('exit', () => removeQuietly(folder));
    if (!unified) writeFileSync(join(folder, 'cpu.shares'), String((weight / DEFAULT_WEIGHT) * DEFAULT_SHARES));
    else if (existsSync(join(folder, 'cpu.weight'))) writeFileSync(join(folder, 'cpu.weight'), String(weight));
    writeFileSync(join(folder, 'cgroup.procs'), String(pid));
  }
}

/** Removes what the functions above made, also what a killed bench left. Processes must be gone; the kernel may need a moment. */
export async function removeCgroups() {
  for (const { path } of hierarchies()) {
    for (const entry of readdirSync(path).filter((name) => OWN_NAME.test(name))) {
      const owner = Number(OWN_NAME.exec(entry)[1]);
      if (owner !== process.pid && existsSync(`/proc/${owner}`)) continue;
      const parent = join(path, entry);
      const children = readdirSync(parent, { withFileTypes: true }).filter((child) => child.isDirectory());
      for (const child of children) await removeFolder(join(parent, child.name));
      await removeFolder(parent);
    }
  }
}

/** At the end of the process, which has no time to wait: `removeCgroups` of the next one removes what is left. */
function removeQuietly(folder) {
  try {
    rmdirSync(folder);
  } catch {} // removed already, or a process has not ended yet
}

async function removeFolder(folder) {
  const deadline = Date.now() + 10_000;
  for (;;) {
    try {
      return rmdirSync(folder);
    } catch (error) {
      if (error.code !== 'EBUSY' || Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
