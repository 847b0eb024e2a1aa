import { release } from 'node:os';
import { join } from 'node:path';
import {
  type Clock,
  type DiskCounters,
  type FilesystemUsage,
  type HostPaths,
  type HostVersions,
  type LinuxHost,
  type MachineFilesystem,
  type MachineInfo,
  type ProcessInfo,
  readText,
  type TrackedFilesystem,
} from '../contracts/index.js';
import { DiskTable } from './disks.js';
import { type DescriptorBudget, readOnce, readTrimmed } from './files/index.js';
import { UsageTable } from './filesystem-usage.js';
import { type LabelRoot, MountTable, readUuids, trackedFilesystems } from './filesystems.js';
import { hostFile } from './host-paths.js';
import { listProcesses } from './processes/index.js';

export interface LinuxHostOptions {
  readonly paths: HostPaths;
  readonly budget: DescriptorBudget;
  readonly clock: Clock;
  /** Reads the machine information, which includes the given filesystems. `readMachine` of the machine room. */
  readonly readMachine: (paths: HostPaths, filesystems: readonly MachineFilesystem[]) => Promise<MachineInfo>;
}

/** The host with its refresh, for its owner. */
export interface RefreshableHost extends LinuxHost {
  /**
   * Reads machine, mounts, filesystems, UUIDs and versions again. Await it once before using the host; until then the
   * machine is empty. Concurrent calls share one run.
   */
  refresh(): Promise<void>;
  /** Waits until no filesystem's usage is older, but not for a filesystem that hangs. @returns whether any was */
  refreshUsage(maxAgeMs: number): Promise<boolean>;
}

/** A machine before the first refresh. */
export const UNKNOWN_MACHINE: MachineInfo = {
  timestamp: '0001-01-01T00:00:00Z',
  vendor_id: '',
  num_cores: 0,
  num_physical_cores: 0,
  num_sockets: 0,
  num_books: 0,
  num_drawers: 0,
  cpu_frequency_khz: 0,
  memory_capacity: 0,
  swap_capacity: 0,
  memory_by_type: {},
  nvm: { memory_mode_capacity: 0, 'app direct_mode_capacity': 0, avg_power_budget: 0 },
  hugepages: [],
  machine_id: '',
  system_uuid: '',
  boot_id: '',
  filesystems: [],
  disk_map: {},
  network_devices: [],
  topology: [],
  cloud_provider: 'Unknown',
  instance_type: 'Unknown',
  instance_id: '',
};

/** Readers of the host's kernel interfaces, all below `options.paths`. */
export function createLinuxHost(options: LinuxHostOptions): RefreshableHost {
  return new KernelHost(options);
}

class KernelHost implements RefreshableHost {
  readonly paths: HostPaths;
  private readonly disks: DiskTable;
  private readonly usages: UsageTable;
  private readonly labelRoots = new Map<string, LabelRoot>();
  private currentMachine = UNKNOWN_MACHINE;
  private currentVersions: HostVersions;
  private readonly mountTable: MountTable;
  private tracked: readonly TrackedFilesystem[] = [];
  private uuids: ReadonlyMap<string, string> = new Map();
  private deviceNames: ReadonlyMap<string, string> = new Map();
  private running: Promise<void> | undefined;

  constructor(private readonly options: LinuxHostOptions) {
    const { paths, clock } = options;
    const monotonic = () => clock.monotonic();
    this.paths = paths;
    this.mountTable = new MountTable(paths, monotonic);
    this.disks = new DiskTable(paths, monotonic);
    this.usages = new UsageTable(paths, monotonic);
    this.currentVersions = readVersions(paths);
  }

  get buffer(): Buffer {
    return this.options.budget.scratch.bytes;
  }

  machine(): MachineInfo {
    return this.currentMachine;
  }

  versions(): HostVersions {
    return this.currentVersions;
  }

  filesystems(): readonly TrackedFilesystem[] {
    if (this.mountTable.readIfOld()) this.track();
    return this.tracked;
  }

  filesystemByUuid(uuid: string): string | undefined {
    return this.uuids.get(uuid);
  }

  labelFilesystem(label: string, directory: string): void {
    this.labelRoots.set(label, { label, directory });
    this.track();
  }

  deviceName(major: number, minor: number): string {
    return this.deviceNames.get(`${major}:${minor}`) ?? '';
  }

  diskCounters(): ReadonlyMap<string, DiskCounters> {
    return this.disks.counters();
  }

  filesystemUsage(mountpoint: string): FilesystemUsage | undefined {
    return this.usages.usage(mountpoint);
  }

  procText(path: string): string | undefined {
    return readText(join(this.paths.proc, path));
  }

  readProc(path: string): number {
    return readOnce(`${this.paths.proc}/${path}`, this.options.budget.scratch);
  }

  processes(pids?: readonly number[]): Promise<readonly ProcessInfo[]> {
    const nowMs = this.options.clock.now() / 1000;
    return listProcesses(this.paths, nowMs, this.currentMachine.memory_capacity, pids);
  }

  refresh(): Promise<void> {
    this.running ??= this.readAll().finally(() => {
      this.running = undefined;
    });
    return this.running;
  }

  refreshUsage(maxAgeMs: number): Promise<boolean> {
    return this.usages.refresh(maxAgeMs);
  }

  private async readAll(): Promise<void> {
    const { paths, readMachine } = this.options;
    this.currentVersions = readVersions(paths);
    this.uuids = readUuids(paths);
    this.mountTable.read();
    this.track();
    this.usages.removeUnused();
    const filesystems = await Promise.all(this.tracked.map((filesystem) => this.measure(filesystem)));
    this.currentMachine = await readMachine(paths, filesystems);
    this.nameDevices();
  }

  private track(): void {
    this.tracked = trackedFilesystems(this.mountTable.mounts, [...this.labelRoots.values()], this.paths);
    this.nameDevices();
  }

  private async measure({ device, mountpoint, type }: TrackedFilesystem): Promise<MachineFilesystem> {
    const usage = await this.usages.current(mountpoint);
    return { device, capacity: usage?.capacity ?? 0, type, inodes: usage?.inodes ?? 0, has_inodes: true };
  }

  /** The name of a disk takes precedence over that of a filesystem on it. */
  private nameDevices(): void {
    const names = new Map<string, string>();
    for (const { major, minor, device } of this.tracked) {
      if (!names.has(`${major}:${minor}`)) names.set(`${major}:${minor}`, device);
    }
    for (const [numbers, disk] of Object.entries(this.currentMachine.disk_map)) names.set(numbers, `/dev/${disk.name}`);
    this.deviceNames = names;
  }
}

const OS_RELEASE = ['/etc/os-release', '/usr/lib/os-release'];

/** Versions of the host's kernel and distribution. */
export function readVersions(paths: HostPaths): HostVersions {
  const os = OS_RELEASE.map((path) => readText(hostFile(paths, path))).find((text) => text !== undefined);
  return {
    kernelVersion: readTrimmed(join(paths.proc, 'sys/kernel/osrelease')) || release(),
    osVersion: prettyName(os ?? '') ?? 'Unknown',
  };
}

function prettyName(osRelease: string): string | undefined {
  const value = /^PRETTY_NAME=(.*)$/m.exec(osRelease)?.[1]?.trim();
  const quoted = /^(["'])(.*)\1$/.exec(value ?? '');
  const name = quoted === null ? value : quoted[2]!.replace(/\\(["'$`\\])/g, '$1');
  return name === '' ? undefined : name;
}

/** When the host booted, µs since the epoch; 0 when unknown. */
export function readBootTime(paths: HostPaths): number {
  const seconds = /^btime (\d+)$/m.exec(readText(join(paths.proc, 'stat')) ?? '')?.[1];
  return seconds === undefined ? 0 : Number(seconds) * 1_000_000;
}
