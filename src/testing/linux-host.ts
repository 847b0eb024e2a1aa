import type { DiskCounters, FilesystemUsage, LinuxHost, TrackedFilesystem } from '../kernel/contracts/index.js';
import { createLinuxHost, DescriptorBudget, resolveHostPaths } from '../kernel/linux/index.js';
import { systemClock } from './clock.js';

/** A host with simulated devices and filesystems; files below `root` are read by the real readers. */
export class SimulatedLinux implements LinuxHost {
  readonly paths: LinuxHost['paths'];
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
    this.paths = resolveHostPaths({ root });
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

  deviceName: LinuxHost['deviceName'] = (major, minor) => this.devices.get(`${major}:${minor}`) ?? '';
  filesystems: LinuxHost['filesystems'] = () => this.tracked;
  filesystemUsage: LinuxHost['filesystemUsage'] = (mountpoint) => this.usage.get(mountpoint);
  diskCounters: LinuxHost['diskCounters'] = () => this.counters;
  filesystemByUuid: LinuxHost['filesystemByUuid'] = () => undefined;
  machine: LinuxHost['machine'] = () => this.real.machine();
  versions: LinuxHost['versions'] = () => this.real.versions();
  labelFilesystem: LinuxHost['labelFilesystem'] = (label, directory) => void this.labelled.set(label, directory);
  processes: LinuxHost['processes'] = (pids) => this.real.processes(pids);
  procText: LinuxHost['procText'] = (path) => this.everyProcFile ?? this.real.procText(path);

  readProc(path: string): number {
    this.reads++;
    if (this.everyProcFile === undefined) return this.real.readProc(path);
    return this.buffer.write(this.everyProcFile);
  }
}
