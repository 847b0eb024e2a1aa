import type { CapsuleHost, SeenProcesses } from '../capsules/index.js';
import type { RefreshableHost } from '../linux/index.js';

/** Where nothing is: a replay reads no file of the host that it runs on. */
const NOWHERE = '/nonexistent';

/** The host that a capsule was written on. */
export function replayHost(
  { machine, versions, filesystems }: CapsuleHost,
  seen: SeenProcesses | undefined,
): RefreshableHost {
  return {
    paths: { root: NOWHERE, proc: NOWHERE, sys: NOWHERE, cgroup: NOWHERE },
    buffer: Buffer.alloc(0),
    machine: () => machine,
    versions: () => versions,
    filesystems: () => filesystems,
    diskCounters: () => new Map(),
    filesystemUsage: () => undefined,
    filesystemByUuid: () => undefined,
    labelFilesystem: () => {},
    procText: () => undefined,
    readProc: () => -1,
    refresh: async () => {},
    refreshUsage: async () => false,

    deviceName(major, minor) {
      const disk = machine.disk_map[`${major}:${minor}`];
      if (disk !== undefined) return `/dev/${disk.name}`;
      return filesystems.find((each) => each.major === major && each.minor === minor)?.device ?? '';
    },

    async processes(pids) {
      const list = seen?.list ?? [];
      return pids === undefined ? list : list.filter(({ pid }) => pids.includes(pid));
    },
  };
}
