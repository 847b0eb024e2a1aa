import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
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
} from '../../src/kernel/contracts/index.js';

/** A host whose answers a test sets; files below `proc` are read for real. */
export class TestHost implements LinuxHost {
  readonly paths: HostPaths;
  readonly buffer = Buffer.alloc(1024 * 1024);
  /** `major:minor` → name */
  devices = new Map<string, string>();
  tracked: readonly TrackedFilesystem[] = [];
  usage = new Map<string, FilesystemUsage>();
  counters = new Map<string, DiskCounters>();
  /** Files read below `/proc`, for counting. */
  reads = 0;

  constructor(root: string) {
    this.paths = { root, proc: join(root, 'proc'), sys: join(root, 'sys'), cgroup: join(root, 'sys/fs/cgroup') };
  }

  labelFilesystem = (): void => {};

  deviceName = (major: number, minor: number): string => this.devices.get(`${major}:${minor}`) ?? '';
  filesystems = (): readonly TrackedFilesystem[] => this.tracked;
  filesystemUsage = (mountpoint: string): FilesystemUsage | undefined => this.usage.get(mountpoint);
  diskCounters = (): ReadonlyMap<string, DiskCounters> => this.counters;
  filesystemByUuid = (): string | undefined => undefined;
  processes = async (): Promise<readonly ProcessInfo[]> => [];

  readProc(path: string): number {
    this.reads++;
    let descriptor: number;
    try {
      descriptor = openSync(join(this.paths.proc, path), 'r');
    } catch {
      return -1;
    }
    try {
      let length = 0;
      for (let read = -1; read !== 0; length += read) {
        read = readSync(descriptor, this.buffer, length, this.buffer.length - length, length);
      }
      return length;
    } catch {
      return -1;
    } finally {
      closeSync(descriptor);
    }
  }

  procText(path: string): string | undefined {
    try {
      return readFileSync(join(this.paths.proc, path), 'utf8');
    } catch {
      return undefined;
    }
  }

  machine(): MachineInfo {
    throw new Error('this test gave its host no machine');
  }

  versions(): HostVersions {
    throw new Error('this test gave its host no versions');
  }
}
