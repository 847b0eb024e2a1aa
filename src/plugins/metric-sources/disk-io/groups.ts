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

/** Files of v1 that count the same I/O. */
interface Files {
  readonly prefix: string;
  readonly suffix: string;
  readonly files: typeof BASIC;
}

/** In order of preference. */
const RECURSIVE: readonly Files[] = [
  { prefix: 'blkio.bfq.', suffix: '_recursive', files: BY_SCHEDULER },
  { prefix: 'blkio.', suffix: '_recursive', files: BY_SCHEDULER },
  { prefix: 'blkio.throttle.', suffix: '_recursive', files: BASIC },
];
/** Without the cgroups below; of use on kernels that have nothing better. */
const PLAIN: readonly Files[] = [{ prefix: 'blkio.throttle.', suffix: '', files: BASIC }];

/** A group of files that the kernel has for this cgroup. */
export interface BlkioGroup {
  readonly first: TablePart;
  /** Opens the files after the first. */
  openRest(): TablePart[];
}

/** The groups the kernel has, the preferred first; only the first file of each is opened. */
export function openGroups(cgroup: CgroupFiles, nameOf: DeviceNamer): BlkioGroup[] {
  const recursive = RECURSIVE.flatMap((files) => openGroup(cgroup, nameOf, files) ?? []);
  return recursive.length > 0 ? recursive : PLAIN.flatMap((files) => openGroup(cgroup, nameOf, files) ?? []);
}

function openGroup(cgroup: CgroupFiles, nameOf: DeviceNamer, group: Files): BlkioGroup | undefined {
  const { prefix, suffix, files } = group;
  const open = ([name, field]: (typeof files)[number]): TablePart | undefined => {
    const file = cgroup.file('blkio', `${prefix}${name}${suffix}`);
    return file && new TablePart(file, (text) => findBlkioCells(text, field, nameOf));
  };
  const first = open(files[0]!);
  return first && { first, openRest: () => files.slice(1).flatMap((file) => open(file) ?? []) };
}
