import type { Column, Probe, RowWriter, SampleOutcome } from '../../../kernel/contracts/index.js';
import { type Missing, PartsProbe, type TablePart } from '../common/index.js';
import type { BlkioGroup } from './groups.js';

/** Label index of the device name. */
const DEVICE = 2;
/** How often a device without a name is looked up anew, ms. The machine's list of disks is refreshed less often. */
const NAMING_INTERVAL = 60_000;

/** Since Linux 6.10 the throttle files count only once a limit was set; a scheduler other than BFQ counts nothing. */
const NOTHING_COUNTED: readonly Missing[] = [
  {
    what: 'diskio',
    reason:
      'the kernel has counted no I/O yet; since Linux 6.10 it does so on cgroup v1 only for devices that use the bfq ' +
      'scheduler or had a blkio.throttle limit set',
  },
];

/** Makes tables look their device names up again, now and then, while some device has none. */
export class DeviceNaming {
  private checkedAt: number;

  constructor(private readonly monotonic: () => number) {
    this.checkedAt = monotonic();
  }

  /** Called before each sample. */
  check(tables: readonly TablePart[], columns: readonly Column[]): void {
    if (this.monotonic() - this.checkedAt < NAMING_INTERVAL) return;
    this.checkedAt = this.monotonic();
    if (columns.some((column) => column.labels?.[DEVICE] === '')) for (const table of tables) table.forget();
  }
}

/**
 * The v1 files of a container. Which group of files counts its I/O shows when the first I/O was done: until then the
 * first file of each group is read, afterwards only the files of the chosen one.
 */
export class BlkioProbe implements Probe {
  readonly skipWhenIdle = true;
  columns: readonly Column[] = [];
  private chosen: { probe: PartsProbe; tables: readonly TablePart[] } | undefined;

  constructor(
    private candidates: readonly BlkioGroup[],
    private readonly naming: DeviceNaming,
    private readonly isRoot: boolean,
  ) {
    for (const { first } of candidates) first.prepare();
    this.choose();
  }

  /** A container may well have done nothing; the machine surely has. */
  get missing(): readonly Missing[] {
    return this.isRoot && this.chosen === undefined ? NOTHING_COUNTED : [];
  }

  sample(row: RowWriter): SampleOutcome {
    if (this.chosen === undefined) return this.look(row);
    const { probe, tables } = this.chosen;
    this.naming.check(tables, this.columns);
    const outcome = probe.sample(row);
    this.columns = probe.columns;
    return outcome;
  }

  close(): void {
    this.chosen?.probe.close();
    for (const { first } of this.candidates) first.close();
  }

  /** Without columns yet nothing is written; the tables only take notice of devices. */
  private look(row: RowWriter): SampleOutcome {
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
    for (const table of tables.slice(1)) table.prepare();
    this.candidates = [];
    this.chosen = { probe: new PartsProbe(tables), tables };
    this.columns = this.chosen.probe.columns;
    return true;
  }
}
