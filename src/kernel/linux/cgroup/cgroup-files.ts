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
  readonly version: 1 | 2;
  private readonly paths = new Map<Controller, string>();
  private readonly unifiedPath: string | undefined;

  constructor(
    hierarchies: CgroupHierarchies,
    name: string,
    private readonly budget: DescriptorBudget,
  ) {
    this.version = hierarchies.version;
    for (const mount of hierarchies.mounts) {
      const path = directoryOf(mount.path, name);
      for (const controller of mount.controllers) this.paths.set(controller, path);
    }
    this.unifiedPath = hierarchies.unified === undefined ? undefined : directoryOf(hierarchies.unified, name);
  }

  directory(controller: Controller): string | undefined {
    return existing(this.paths.get(controller));
  }

  unifiedDirectory(): string | undefined {
    return existing(this.unifiedPath);
  }

  file(controller: Controller, name: string): KernelFile | undefined {
    return this.open(this.paths.get(controller), name);
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
    return this.open(this.unifiedPath, name);
  }

  text(controller: Controller, name: string): string | undefined {
    const directory = this.paths.get(controller);
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

  private open(directory: string | undefined, name: string): KernelFile | undefined {
    return directory === undefined ? undefined : BudgetedFile.open(`${directory}/${name}`, this.budget);
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

/** Called for each container and hierarchy at a start, where `path.join` would be slow. */
function directoryOf(mount: string, name: string): string {
  return name === '/' ? mount : mount + name;
}

function existing(path: string | undefined): string | undefined {
  return path !== undefined && isDirectory(path) ? path : undefined;
}
