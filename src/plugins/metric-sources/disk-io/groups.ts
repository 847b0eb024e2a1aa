import type { CgroupFiles, FieldDescriptor } from '../../../kernel/contracts/index.js';
import { TablePart, TableShapes } from '../common/index.js';
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

/** The shapes of the files of each field, which all containers share. */
export class BlkioShapes {
  private readonly byField = new Map<FieldDescriptor, TableShapes>();

  of(field: FieldDescriptor): TableShapes {
    let shapes = this.byField.get(field);
    if (shapes === undefined) {
      shapes = new TableShapes();
      this.byField.set(field, shapes);
    }
    return shapes;
  }
}

/** A group of files that the kernel has for this cgroup. */
export interface BlkioGroup {
  readonly first: TablePart;
  /** Opens the files after the first. */
  openRest(): TablePart[];
}

/** The groups the kernel has, the preferred first; only the first file of each is opened. */
export function openGroups(cgroup: CgroupFiles, nameOf: DeviceNamer, shapes: BlkioShapes): BlkioGroup[] {
  const open = (groups: readonly Files[]) => groups.flatMap((files) => openGroup(cgroup, nameOf, files, shapes) ?? []);
  const recursive = open(RECURSIVE);
  return recursive.length > 0 ? recursive : open(PLAIN);
}

function openGroup(
  cgroup: CgroupFiles,
  nameOf: DeviceNamer,
  group: Files,
  shapes: BlkioShapes,
): BlkioGroup | undefined {
  const { prefix, suffix, files } = group;
  const open = ([name, field]: (typeof files)[number]): TablePart | undefined => {
    const file = cgroup.file('blkio', `${prefix}${name}${suffix}`);
    return file && new TablePart(file, (text) => findBlkioCells(text, field, nameOf), shapes.of(field));
  };
  const first = open(files[0]!);
  return first && { first, openRest: () => files.slice(1).flatMap((file) => open(file) ?? []) };
}
