import type {
  CgroupFiles,
  Clock,
  Column,
  FieldDescriptor,
  Probe,
  ProbeTarget,
  RowWriter,
  SampleOutcome,
} from '../../../kernel/contracts/index.js';
import {
  type Cell,
  type CellFinder,
  type Missing,
  type PartsLayouts,
  PartsProbe,
  TablePart,
  TableShapes,
} from '../common/index.js';
import type { CountsAbove, StandingCounts } from './counts-above.js';
import { diskIoFields as fields } from './fields.js';

/** Returns the device name of a device number, `''` when unknown. */
export type DeviceNamer = (major: number, minor: number) => string;

/** `8:0 Read 4096`, `8:0 4096`, and the total in the last line. */
const BLKIO_LINE = /^(?:(\d+):(\d+)(?: (\w+))?|Total) (\d+)$/gm;
const IO_STAT_LINE = /^(\d+):(\d+) (.*)$/gm;
const IO_STAT_PAIR = /([\w.]+)=(\S+)/g;

/** The API's operation for files and lines without one. */
const COUNT = 'Count';

const IO_STAT_KEYS = new Map<string, { field: FieldDescriptor; operation: string }>([
  ['rbytes', { field: fields.ioServiceBytes, operation: 'Read' }],
  ['wbytes', { field: fields.ioServiceBytes, operation: 'Write' }],
  ['rios', { field: fields.ioServiced, operation: 'Read' }],
  ['wios', { field: fields.ioServiced, operation: 'Write' }],
  ['cost.usage', { field: fields.ioCostUsage, operation: COUNT }],
  ['cost.wait', { field: fields.ioCostWait, operation: COUNT }],
  ['cost.indebt', { field: fields.ioCostIndebt, operation: COUNT }],
  ['cost.indelay', { field: fields.ioCostIndelay, operation: COUNT }],
]);

/** The numbers of a v1 `blkio.*` file. */
export function findBlkioCells(text: string, field: FieldDescriptor, nameOf: DeviceNamer): Cell[] {
  return Array.from(text.matchAll(BLKIO_LINE), (match): Cell => {
    const [line, major, minor, operation = COUNT, digits] = match;
    const at = match.index + line.length - digits!.length;
    if (major === undefined || minor === undefined) return { at };
    return { at, column: columnOf(field, major, minor, operation, nameOf) };
  });
}

/** The numbers of a v2 `io.stat`. Other keys (discards, `cost.vrate`) may have any value. */
export function findIoStatCells(text: string, nameOf: DeviceNamer): Cell[] {
  return Array.from(text.matchAll(IO_STAT_LINE)).flatMap((match) => {
    const [line, major, minor, pairs] = match;
    const from = match.index + line.length - pairs!.length;
    return Array.from(pairs!.matchAll(IO_STAT_PAIR), (pair): Cell => {
      const [text, key, value] = pair;
      const at = from + pair.index + text.length - value!.length;
      const known = /^\d+$/.test(value!) ? IO_STAT_KEYS.get(key!) : undefined;
      return known === undefined
        ? { at }
        : { at, column: columnOf(known.field, major!, minor!, known.operation, nameOf) };
    });
  });
}

function columnOf(
  field: FieldDescriptor,
  major: string,
  minor: string,
  operation: string,
  nameOf: DeviceNamer,
): Column {
  return { field, labels: [major, minor, nameOf(Number(major), Number(minor)), operation] };
}

/** The two counts that every group has. The first file shows whether the group counts anything. */
const BASIC: readonly (readonly [string, FieldDescriptor])[] = [
  ['io_service_bytes', fields.ioServiceBytes],
  ['io_serviced', fields.ioServiced],
];

/** Further counts of schedulers; BFQ has them only in kernels with its debug option. */
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
  readonly files: readonly (readonly [name: string, field: FieldDescriptor])[];
  /** Those of the two counts that every group has, if they include the I/O of the cgroups below. */
  readonly recursive: readonly string[];
}

const filesOf = (prefix: string, suffix: string, counts: typeof BASIC): Files => {
  const nameOf = ([name]: (typeof BASIC)[number]) => `${prefix}${name}${suffix}`;
  return {
    files: counts.map((count) => [nameOf(count), count[1]]),
    recursive: suffix === '' ? [] : BASIC.map(nameOf),
  };
};

/** In order of preference. */
const RECURSIVE: readonly Files[] = [
  filesOf('blkio.bfq.', '_recursive', BY_SCHEDULER),
  filesOf('blkio.', '_recursive', BY_SCHEDULER),
  filesOf('blkio.throttle.', '_recursive', BASIC),
];
/** Without descendants; used on kernels without recursive files. */
const PLAIN: readonly Files[] = [filesOf('blkio.throttle.', '', BASIC)];

/** What all files of a field have in common. */
interface BlkioTable {
  readonly shapes: TableShapes;
  readonly findCells: CellFinder;
}

/** Opens files of v1. */
export class BlkioTables {
  private readonly byField = new Map<FieldDescriptor, BlkioTable>();

  constructor(private readonly nameOf: DeviceNamer) {}

  open(cgroup: CgroupFiles, [name, field]: Files['files'][number]): TablePart | undefined {
    const file = cgroup.file('blkio', name);
    if (file === undefined) return undefined;
    const { shapes, findCells } = this.of(field);
    return new TablePart(file, findCells, shapes);
  }

  private of(field: FieldDescriptor): BlkioTable {
    let table = this.byField.get(field);
    if (table === undefined) {
      table = { shapes: new TableShapes(), findCells: (text) => findBlkioCells(text, field, this.nameOf) };
      this.byField.set(field, table);
    }
    return table;
  }
}

/** A group of files of this cgroup. */
export class BlkioGroup {
  constructor(
    readonly first: TablePart,
    private readonly group: Files,
    private readonly cgroup: CgroupFiles,
    private readonly tables: BlkioTables,
  ) {}

  get recursive(): readonly string[] {
    return this.group.recursive;
  }

  /** Opens the files after the first. */
  openRest(): TablePart[] {
    return this.group.files.slice(1).flatMap((file) => this.tables.open(this.cgroup, file) ?? []);
  }
}

/** The groups that exist, in order of preference; only the first file of each is opened. */
export function openGroups(cgroup: CgroupFiles, tables: BlkioTables): BlkioGroup[] {
  const open = (groups: readonly Files[]) =>
    groups
      .map((group) => {
        const first = tables.open(cgroup, group.files[0]!);
        return first && new BlkioGroup(first, group, cgroup, tables);
      })
      .filter((group) => group !== undefined)
      // What `filter` returns has room for 17.
      .slice();
  const recursive = open(RECURSIVE);
  return recursive.length > 0 ? recursive : open(PLAIN);
}

/** Label index of the device name. */
const DEVICE = 2;
/** How often a device without a name is looked up again, ms. */
const NAMING_INTERVAL_MS = 60_000;

/** Since Linux 6.10 the throttle files count only once a limit was set; a scheduler other than BFQ counts nothing. */
const NOTHING_COUNTED: readonly Missing[] = [
  {
    what: 'diskio',
    reason:
      'the kernel has counted no I/O yet; since Linux 6.10 it does so on cgroup v1 only for devices that use the bfq ' +
      'scheduler or had a blkio.throttle limit set',
  },
];

/** Looks up device names again at an interval while some device has none. */
export class DeviceNaming {
  private checkedAt: number;

  constructor(private readonly clock: Clock) {
    this.checkedAt = clock.monotonic();
  }

  /** Called before each sample. */
  check(tables: readonly TablePart[], columns: readonly Column[]): void {
    const now = this.clock.monotonic();
    if (now - this.checkedAt < NAMING_INTERVAL_MS) return;
    this.checkedAt = now;
    if (columns.some((column) => column.labels?.[DEVICE] === '')) for (const table of tables) table.forget();
  }
}

/** What the probes of all containers have in common. */
interface SharedByBlkio {
  /** Finds out by files of the cgroup above whether what it includes stands still. */
  readonly above: CountsAbove;
  readonly layouts: PartsLayouts;
}

const NO_GROUPS: readonly BlkioGroup[] = [];

/**
 * The v1 files of a container. The group of files that counts its I/O is known after the first I/O: until then the
 * first file of each group is read, afterwards only the files of the chosen one.
 */
export class BlkioProbe implements Probe {
  readonly skipWhenIdle = true;
  columns: readonly Column[] = [];
  private chosen: { probe: PartsProbe; tables: readonly TablePart[] } | undefined;
  private standing: StandingCounts;

  constructor(
    private candidates: readonly BlkioGroup[],
    private readonly naming: DeviceNaming,
    private readonly target: ProbeTarget,
    private readonly shared: SharedByBlkio,
  ) {
    this.standing = shared.above.watch(
      target,
      candidates.map(({ recursive: [first = ''] }) => first),
    );
    for (const { first } of candidates) first.prepare();
    this.choose();
  }

  /** A container may have done no I/O yet; the machine has. */
  get missing(): readonly Missing[] {
    return this.target.isRoot && this.chosen === undefined ? NOTHING_COUNTED : [];
  }

  sample(row: RowWriter): SampleOutcome {
    if (this.standing.standStill(row)) {
      row.repeat(0, this.columns.length);
      return 'ok';
    }
    if (this.chosen === undefined) return this.sampleFirstFiles(row);
    const { probe, tables } = this.chosen;
    this.naming.check(tables, this.columns);
    const outcome = probe.sample(row);
    this.columns = probe.columns;
    return outcome;
  }

  close(): void {
    this.standing.close();
    this.chosen?.probe.close();
    for (const { first } of this.candidates) first.close();
  }

  /** Reads the first files until one of them has columns. */
  private sampleFirstFiles(row: RowWriter): SampleOutcome {
    let left = 0;
    for (const { first } of this.candidates) if (first.sample(row, 0) !== 'gone') left++;
    if (left === 0) return 'ended';
    return this.choose() ? 'layout-changed' : 'ok';
  }

  private choose(): boolean {
    const group = this.candidates.find(({ first }) => first.columns.length > 0);
    if (group === undefined) return false;
    for (const { first } of this.candidates) if (first !== group.first) first.close();
    const tables = [group.first, ...group.openRest()];
    this.standing.close();
    // Further counts move by themselves, such as that of requests in a queue.
    this.standing = this.shared.above.watch(this.target, tables.length <= BASIC.length ? group.recursive : []);
    for (const table of tables.slice(1)) table.prepare();
    this.candidates = NO_GROUPS;
    this.chosen = { probe: new PartsProbe(tables, { layouts: this.shared.layouts }), tables };
    this.columns = this.chosen.probe.columns;
    return true;
  }
}
