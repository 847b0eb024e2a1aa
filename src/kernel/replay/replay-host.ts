import type { CapsuleHost, SeenProcesses } from '../capsules/index.js';
import type {
  DiskCounters,
  FilesystemUsage,
  HostPaths,
  HostVersions,
  MachineInfo,
  ProcessInfo,
  TrackedFilesystem,
} from '../contracts/index.js';
import type { RefreshableHost } from '../linux/index.js';

/** Where nothing is: a replay reads no file of the host that it runs on. */
const NOWHERE = '/nonexistent';
const NO_COUNTERS: ReadonlyMap<string, DiskCounters> = new Map();

/** The host that a capsule was written on. */
export class ReplayHost implements RefreshableHost {
  readonly paths: HostPaths = { root: NOWHERE, proc: NOWHERE, sys: NOWHERE, cgroup: NOWHERE };
  readonly buffer = Buffer.alloc(0);

  constructor(
    private readonly host: CapsuleHost,
    private readonly seen: SeenProcesses | undefined,
  ) {}

  machine = (): MachineInfo => this.host.machine;
  versions = (): HostVersions => this.host.versions;
  filesystems = (): readonly TrackedFilesystem[] => this.host.filesystems;
  diskCounters = (): ReadonlyMap<string, DiskCounters> => NO_COUNTERS;
  filesystemUsage = (): FilesystemUsage | undefined => undefined;
  filesystemByUuid = (): string | undefined => undefined;
  labelFilesystem = (): void => {};
  procText = (): string | undefined => undefined;
  readProc = (): number => -1;
  refresh = async (): Promise<void> => {};

  deviceName(major: number, minor: number): string {
    const disk = this.host.machine.disk_map[`${major}:${minor}`];
    if (disk !== undefined) return `/dev/${disk.name}`;
    return this.host.filesystems.find((each) => each.major === major && each.minor === minor)?.device ?? '';
  }

  async processes(pids?: readonly number[]): Promise<readonly ProcessInfo[]> {
    const list = this.seen?.list ?? [];
    return pids === undefined ? list : list.filter(({ pid }) => pids.includes(pid));
  }
}
