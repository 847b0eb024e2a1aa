import { join } from 'node:path';
import type {
  DiskCounters,
  FilesystemUsage,
  HostPaths,
  HostVersions,
  LinuxHost,
  MachineInfo,
  ProcessInfo,
  TrackedFilesystem,
} from '../kernel/contracts/index.js';
import { createLinuxHost, DescriptorBudget } from '../kernel/linux/index.js';
import { systemClock } from './clock.js';

/** A host with simulated devices and filesystems; files below `root` are read by the real readers. */
export class SimulatedLinux implements LinuxHost {
  readonly paths: HostPaths;
  /** `major:minor` → name */
  devices = new Map<string, string>();
  /** Label → directory, as set by handlers. */
  readonly labelled = new Map<string, string>();
  tracked: readonly TrackedFilesystem[] = [];
  usage = new Map<string, FilesystemUsage>();
  counters = new Map<string, DiskCounters>();
  /** Content of every file below `/proc`, in place of the real ones. */
  everyProcFile: string | undefined;
  /** Number of reads below `/proc`. */
  reads = 0;
  private readonly real: LinuxHost;

  constructor(root: string) {
    this.paths = { root, proc: join(root, 'proc'), sys: join(root, 'sys'), cgroup: join(root, 'sys/fs/cgroup') };
    this.real = createLinuxHost({
      paths: this.paths,
      budget: new DescriptorBudget(0),
      clock: systemClock,
      readMachine: () => Promise.reject(new Error('this host has no machine')),
    });
  }

  get buffer(): Buffer {
    return this.real.buffer;
  }

  deviceName = (major: number, minor: number): string => this.devices.get(`${major}:${minor}`) ?? '';
  filesystems = (): readonly TrackedFilesystem[] => this.tracked;
  filesystemUsage = (mountpoint: string): FilesystemUsage | undefined => this.usage.get(mountpoint);
  diskCounters = (): ReadonlyMap<string, DiskCounters> => this.counters;
  filesystemByUuid = (): string | undefined => undefined;
  machine = (): MachineInfo => this.real.machine();
  versions = (): HostVersions => this.real.versions();
  labelFilesystem = (label: string, directory: string): void => void this.labelled.set(label, directory);
  processes = (pids?: readonly number[]): Promise<readonly ProcessInfo[]> => this.real.processes(pids);
  procText = (path: string): string | undefined => this.everyProcFile ?? this.real.procText(path);

  readProc(path: string): number {
    this.reads++;
    if (this.everyProcFile === undefined) return this.real.readProc(path);
    return this.buffer.write(this.everyProcFile);
  }
}
