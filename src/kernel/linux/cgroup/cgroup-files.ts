import { statSync } from 'node:fs';
import { join } from 'node:path';
import {
  type CgroupFiles,
  type Controller,
  type KernelFile,
  type KernelValue,
  type KeyedFile,
  readNames,
} from '../../contracts/index.js';
import {
  BudgetedFile,
  BudgetedKeyedFile,
  BudgetedValue,
  type DescriptorBudget,
  isDirectory,
  readOnce,
  readTrimmed,
} from '../files/index.js';
import { type CgroupHierarchies, CONTROLLERS } from './hierarchies.js';

/** Controllers whose hierarchy is used to list a container's processes, in order of preference. */
const PROCESS_ORDER: readonly Controller[] = ['cpu', 'memory', 'pids', ...CONTROLLERS];

/**
 * The files of the cgroup `name` (absolute, `/` first) in all hierarchies. Directories are looked up at each call,
 * so that a controller that appears later is found.
 */
export function createCgroupFiles(hierarchies: CgroupHierarchies, name: string, budget: DescriptorBudget): CgroupFiles {
  return new HierarchyFiles(hierarchies, name, budget);
}

class HierarchyFiles implements CgroupFiles {
  constructor(
    private readonly hierarchies: CgroupHierarchies,
    private readonly name: string,
    private readonly budget: DescriptorBudget,
  ) {}

  get version(): 1 | 2 {
    return this.hierarchies.version;
  }

  directory(controller: Controller): string | undefined {
    return existing(this.directoryIn(this.mountOf(controller)));
  }

  unifiedDirectory(): string | undefined {
    return existing(this.directoryIn(this.hierarchies.unified));
  }

  file(controller: Controller, name: string): KernelFile | undefined {
    return this.open(this.mountOf(controller), name);
  }

  value(controller: Controller, name: string): KernelValue | undefined {
    const file = this.file(controller, name);
    return file && new BudgetedValue(file, this.budget);
  }

  keyed(controller: Controller, name: string, keys: readonly string[]): KeyedFile | undefined {
    const file = this.file(controller, name);
    return file && new BudgetedKeyedFile(file, keys, this.budget);
  }

  unifiedFile(name: string): KernelFile | undefined {
    return this.open(this.hierarchies.unified, name);
  }

  text(controller: Controller, name: string): string | undefined {
    const directory = this.directoryIn(this.mountOf(controller));
    return directory === undefined ? undefined : readTrimmed(`${directory}/${name}`);
  }

  pids(): number[] {
    const directory = this.processDirectory();
    const pids: number[] = [];
    if (directory !== undefined) this.collectPids(directory, pids);
    return pids;
  }

  pidsBelow(): number[] {
    const directory = this.processDirectory();
    const pids: number[] = [];
    if (directory !== undefined) this.collectPidsBelow(directory, pids);
    return pids;
  }

  private open(mount: string | undefined, name: string): KernelFile | undefined {
    return mount === undefined ? undefined : BudgetedFile.open({ mount, cgroup: this.path, name }, this.budget);
  }

  private mountOf(controller: Controller): string | undefined {
    for (const { controllers, path } of this.hierarchies.mounts) if (controllers.includes(controller)) return path;
    return undefined;
  }

  private get path(): string {
    return this.name === '/' ? '' : this.name;
  }

  private directoryIn(mount: string | undefined): string | undefined {
    return mount === undefined ? undefined : mount + this.path;
  }

  private processDirectory(): string | undefined {
    for (const controller of PROCESS_ORDER) {
      const directory = this.directory(controller);
      if (directory !== undefined) return directory;
    }
    return this.unifiedDirectory();
  }

  private collectPids(directory: string, pids: number[]): void {
    const { scanner, scratch } = this.budget;
    const length = readOnce(join(directory, 'cgroup.procs'), scratch);
    if (length < 0) return;
    scanner.reset(scratch.bytes, length);
    while (scanner.position < length) {
      // The kernel shows 0 for a process outside the agent's PID namespace.
      if (scanner.integer() && scanner.value > 0) pids.push(scanner.value);
      scanner.nextLine();
    }
  }

  private collectPidsBelow(directory: string, pids: number[]): void {
    this.collectPids(directory, pids);
    // Two links (`.` and the parent's entry) mean that there are no subdirectories. Filesystems that do not count links show 1.
    if (statSync(directory, { throwIfNoEntry: false })?.nlink === 2) return;
    for (const child of readNames(directory)) {
      const path = join(directory, child);
      if (isDirectory(path)) this.collectPidsBelow(path, pids);
    }
  }
}

function existing(path: string | undefined): string | undefined {
  return path !== undefined && isDirectory(path) ? path : undefined;
}
