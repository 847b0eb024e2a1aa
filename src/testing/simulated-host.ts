import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerDescription, Controller, HostPaths, ProbeTarget } from '../kernel/contracts/index.js';
import { type CgroupHierarchies, createCgroupFiles, DescriptorBudget } from '../kernel/linux/index.js';
import { HostTree } from './host-tree.js';
import { SimulatedLinux } from './linux-host.js';

const CONTROLLERS: readonly Controller[] = ['cpu', 'cpuacct', 'cpuset', 'memory', 'blkio', 'pids', 'hugetlb'];

/** The description of a plain cgroup. */
export const RAW: ContainerDescription = {
  aliases: [],
  labels: {},
  envs: {},
  networkMode: 'none',
  state: { status: 'running' },
};

/**
 * A host of files in a temporary directory, read by the real readers. The cgroup tree is that of cgroup v1
 * (one directory per controller) or v2. Call `remove` after the test.
 */
export class SimulatedHost {
  private readonly tree = new HostTree();
  readonly root: string = this.tree.root;
  /** The plugin's `context.linux`. */
  readonly linux = new SimulatedLinux(this.root);
  private readonly budget = new DescriptorBudget(100);

  constructor(readonly version: 1 | 2 = 2) {
    if (version === 2) this.write({ 'sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io memory hugetlb pids\n' });
    else for (const controller of CONTROLLERS) this.write({ [`sys/fs/cgroup/${controller}/`]: '' });
  }

  get paths(): HostPaths {
    return this.tree.paths;
  }

  /** Writes files, path below the root → content. A path that ends in `/` is a directory, `-> x` a link to x. */
  write(files: Readonly<Record<string, string>>): this {
    for (const [path, content] of Object.entries(files)) this.tree.write(path, content);
    return this;
  }

  /** Writes files of a container in the hierarchy of a controller (on v2 there is one for all). */
  writeCgroup(name: string, controller: Controller, files: Readonly<Record<string, string>>): this {
    const directory = this.directory(name, controller);
    return this.write(Object.fromEntries(Object.entries(files).map(([file, text]) => [join(directory, file), text])));
  }

  /** Removes a container's directories, as the kernel does when it ends. Descriptors that are open stay readable. */
  removeCgroup(name: string): this {
    for (const controller of CONTROLLERS) {
      rmSync(join(this.root, this.directory(name, controller)), { recursive: true, force: true });
    }
    return this;
  }

  /** A container as a metric source is asked to attach to it. */
  target(name: string, description: ContainerDescription = RAW): ProbeTarget {
    const cgroup = createCgroupFiles(this.hierarchies(), name, this.budget);
    return { name, isRoot: name === '/', cgroup, description };
  }

  remove(): void {
    this.tree.remove();
  }

  private directory(name: string, controller: Controller): string {
    return join('sys/fs/cgroup', this.version === 1 ? controller : '', name);
  }

  private hierarchies(): CgroupHierarchies {
    const { cgroup } = this.tree.paths;
    if (this.version === 2) {
      return { version: 2, mounts: [{ controllers: CONTROLLERS, path: cgroup }], unified: cgroup, missing: [] };
    }
    const mounts = CONTROLLERS.map((controller) => ({ controllers: [controller], path: join(cgroup, controller) }));
    return { version: 1, mounts, unified: join(cgroup, 'unified'), missing: [] };
  }
}
