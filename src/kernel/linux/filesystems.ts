import { createHash } from 'node:crypto';
import { readlinkSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { type HostPaths, readNames, readText, type TrackedFilesystem } from '../contracts/index.js';
import { hostFile } from './host-paths.js';
import { type Mount, parseMountinfo } from './mounts.js';

const TYPES = /^(?:ext.*|btrfs|overlay|tmpfs|xfs|zfs)$/;
/** Subdirectories of a runtime's root that may be separate mounts. */
const STORAGE_DRIVERS = ['devicemapper', 'btrfs', 'aufs', 'overlay', 'overlay2', 'zfs'];

/** A label for the filesystem that holds a directory: `docker-images` for Docker's root. */
export interface LabelRoot {
  readonly label: string;
  readonly directory: string;
}

/**
 * Mounts are read again when they are older than this, ms. With a thousand containers they are half a megabyte of text,
 * and each container that starts has one, which changes the columns of the machine's samples.
 */
const MOUNTS_MAX_AGE_MS = 60_000;

/**
 * The host's mounts as PID 1 sees them, because a service manager adds mounts to the agent's namespace. An agent in a
 * container without access to the host has another root than PID 1 and uses its own mounts.
 */
export class MountTable {
  mounts: readonly Mount[] = [];
  private digest = '';
  private readAt = Number.POSITIVE_INFINITY;

  /** @param monotonic milliseconds */
  constructor(
    private readonly paths: HostPaths,
    private readonly monotonic: () => number,
  ) {}

  /** @returns whether there are other mounts than before */
  read(): boolean {
    const { proc, root } = this.paths;
    const [ownText, firstText] = ['self', '1'].map((pid) => readText(join(proc, `${pid}/mountinfo`)) ?? '');
    this.readAt = this.monotonic();
    const digest = createHash('sha256').update(ownText!).update('\0').update(firstText!).digest('base64');
    if (digest === this.digest) return false;
    this.digest = digest;
    const [own, first] = [parseMountinfo(ownText!), parseMountinfo(firstText!)];
    const isSameView = root !== '/' || rootOf(own) === rootOf(first);
    this.mounts = isSameView && first.length > 0 ? first : own;
    return true;
  }

  /** Reads them when that was done a while ago; not before the first `read`. @returns the same as `read` */
  readIfOld(): boolean {
    return this.monotonic() - this.readAt >= MOUNTS_MAX_AGE_MS && this.read();
  }
}

function rootOf(mounts: readonly Mount[]): string {
  const mount = mounts.findLast(({ mountpoint }) => mountpoint === '/');
  return mount === undefined ? '' : `${mount.major}:${mount.minor} ${mount.root}`;
}

/**
 * The tracked filesystems: one entry per device at its first mount, in mountinfo order, as in cAdvisor.
 * @param paths used to look up the device numbers of btrfs
 */
export function trackedFilesystems(
  mounts: readonly Mount[],
  labelRoots: readonly LabelRoot[],
  paths: HostPaths,
): TrackedFilesystem[] {
  const hidden = labelRoots.map(({ directory }) => `${directory}/devicemapper/mnt/`);
  const visible = new Map(mounts.map((mount) => [mount.mountpoint, mount]));
  const tracked = mounts.filter(
    (mount) =>
      TYPES.test(mount.type) &&
      visible.get(mount.mountpoint) === mount &&
      !hidden.some((prefix) => mount.mountpoint.startsWith(prefix)),
  );
  const labels = labelsByDevice(tracked, labelRoots);
  const byDevice = new Map<string, TrackedFilesystem>();
  for (const mount of tracked) {
    const device = deviceOf(mount);
    if (byDevice.has(device)) continue;
    const [major, minor] = numbersOf(mount, paths);
    const { mountpoint } = mount;
    byDevice.set(device, { device, mountpoint, major, minor, type: 'vfs', labels: labels.get(device) ?? [] });
  }
  return [...byDevice.values()];
}

function deviceOf(mount: Mount): string {
  if (mount.type === 'tmpfs') return mount.mountpoint;
  return mount.type === 'overlay' ? `${mount.source}_${mount.major}-${mount.minor}` : mount.source;
}

function labelsByDevice(mounts: readonly Mount[], labelRoots: readonly LabelRoot[]): Map<string, string[]> {
  const labels = new Map<string, string[]>();
  const add = (mountpoint: string | undefined, label: string) => {
    const mount = mounts.find((candidate) => candidate.mountpoint === mountpoint);
    if (mount === undefined) return;
    const device = deviceOf(mount);
    labels.set(device, [...(labels.get(device) ?? []), label]);
  };
  add('/', 'root');
  const mountpoints = mounts.map(({ mountpoint }) => mountpoint);
  for (const { label, directory } of labelRoots) {
    const places = [...ancestorsOf(directory), ...STORAGE_DRIVERS.map((driver) => posix.join(directory, driver))];
    const candidates = mountpoints.filter((mountpoint) => places.includes(mountpoint));
    add(candidates.sort((a, b) => b.length - a.length)[0], label);
  }
  for (const names of labels.values()) names.sort();
  return labels;
}

/** The directory and everything above it. */
function ancestorsOf(directory: string): string[] {
  const ancestors = [directory];
  while (ancestors.at(-1) !== '/') ancestors.push(posix.dirname(ancestors.at(-1)!));
  return ancestors;
}

/** btrfs shows anonymous device numbers in mountinfo; disk counters use those of the block device. */
function numbersOf(mount: Mount, paths: HostPaths): [number, number] {
  if (mount.type !== 'btrfs' || mount.major !== 0) return [mount.major, mount.minor];
  try {
    const stat = statSync(hostFile(paths, mount.source), { throwIfNoEntry: false });
    if (stat?.isBlockDevice()) return splitDeviceNumber(stat.rdev);
  } catch {
    // Without access to /dev the numbers of mountinfo are used.
  }
  return [mount.major, mount.minor];
}

/** Linux' encoding of `dev_t` (makedev(3)), for numbers that fit 32 bits. */
function splitDeviceNumber(device: number): [number, number] {
  return [(device >>> 8) & 0xfff, (device & 0xff) | ((device >>> 12) & 0xfff00)];
}

/** `/dev/disk/by-uuid`: uuid → device. */
export function readUuids(paths: HostPaths): Map<string, string> {
  const directory = '/dev/disk/by-uuid';
  const uuids = new Map<string, string>();
  for (const uuid of readNames(hostFile(paths, directory))) {
    try {
      uuids.set(uuid, posix.resolve(directory, readlinkSync(hostFile(paths, `${directory}/${uuid}`))));
    } catch {
      // Not a link, or removed since the directory was read.
    }
  }
  return uuids;
}
