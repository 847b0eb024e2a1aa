import type { CgroupFiles, FieldDescriptor } from '../../../kernel/contracts/index.js';
import { TablePart } from '../common/index.js';
import { type DeviceNamer, findBlkioCells } from './cells.js';
import { diskIoFields as fields } from './fields.js';

/** The two counts every group has. The first one's file tells whether the group has anything to say. */
const BASIC: readonly (readonly [string, FieldDescriptor])[] = [
  ['io_service_bytes', fields.ioServiceBytes],
  ['io_serviced', fields.ioServiced],
];

/** What a scheduler may count besides; BFQ does so only in kernels built for debugging it. */
const BY_SCHEDULER: readonly (readonly [string, FieldDescriptor])[] = [
  ...BASIC,
  ['io_queued', fields.ioQueued],
  ['sectors', fields.sectors],
  ['io_service_time', fields.ioServiceTime],
  ['io_wait_time', fields.ioWaitTime],
  ['io_merged', fields.ioMerged],
  ['time', fields.ioTime],
];

/** Groups of v1 files that count the same I/O, in order of preference. */
const GROUPS = [
  { prefix: 'blkio.bfq.', suffix: '_recursive', files: BY_SCHEDULER },
  { prefix: 'blkio.', suffix: '_recursive', files: BY_SCHEDULER },
  { prefix: 'blkio.throttle.', suffix: '_recursive', files: BASIC },
  { prefix: 'blkio.throttle.', suffix: '', files: BASIC },
] as const;

/** A group of files that the kernel has for this cgroup. */
export interface BlkioGroup {
  readonly first: TablePart;
  /** Opens the files after the first. */
  openRest(): TablePart[];
}

/** The groups the kernel has, the preferred first; only the first file of each is opened. */
export function openGroups(cgroup: CgroupFiles, nameOf: DeviceNamer): BlkioGroup[] {
  const open = (name: string, field: FieldDescriptor): TablePart | undefined => {
    const file = cgroup.file('blkio', name);
    return file === undefined ? undefined : new TablePart(file, (text) => findBlkioCells(text, field, nameOf));
  };
  return GROUPS.flatMap(({ prefix, suffix, files }) => {
    const parts = files.map(
      ([name, field]) =>
        () =>
          open(`${prefix}${name}${suffix}`, field),
    );
    const first = parts[0]!();
    if (first === undefined) return [];
    const openRest = () => parts.slice(1).flatMap((part) => part() ?? []);
    return [{ first, openRest }];
  });
}
