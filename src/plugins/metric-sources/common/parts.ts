import {
  type CgroupFiles,
  type Clock,
  type Column,
  type Controller,
  isGone,
  type KernelValue,
  type KeyedFile,
  type Probe,
  type RowWriter,
  type SampleOutcome,
} from '../../../kernel/contracts/index.js';

type Readable = Pick<KernelValue | KeyedFile, 'read'>;

/** How long a read may be reused, in ms: the sample normally follows at once. */
const FRESH_MS = 5;

/**
 * Remembers which file was just read to attach a probe or to tell its activity, so that the sample that follows need not
 * read it again. One for all files of a kind: files with the same keys share the memory of their values.
 */
export class FreshRead {
  private file: Readable | undefined;
  private readAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly clock: Clock) {}

  /** Reads now. */
  read(file: Readable): boolean {
    const isRead = file.read();
    this.file = isRead ? file : undefined;
    this.readAt = this.clock.monotonic();
    return isRead;
  }

  /** Reads, unless this file was the last one read and that was just now. Each read is used once. */
  readOrReuse(file: Readable): boolean {
    const isFresh = this.file === file && this.clock.monotonic() - this.readAt < FRESH_MS;
    this.file = undefined;
    return isFresh || file.read();
  }
}

/**
 * The outcome of sampling one part. `gone`: its file was removed for good. `derived`: it has no file of its
 * own and does not keep the probe alive.
 */
export type PartOutcome = 'ok' | 'layout-changed' | 'gone' | 'derived';

/** One file of a probe and the columns it fills. */
export interface Part {
  readonly columns: readonly Column[];
  /** @param base index of the part's first column in the probe */
  sample(row: RowWriter, base: number): PartOutcome;
  close(): void;
}

/** Something that a probe cannot measure. */
export interface Missing {
  readonly what: string;
  readonly reason: string;
}

export interface PartsProbeOptions {
  readonly skipWhenIdle?: boolean;
  readonly standsWhenIdle?: boolean;
  readonly missing?: readonly Missing[];
  /** Called before each sample; false ends the probe. */
  readonly beforeSample?: () => boolean;
  /** Shared by probes that mostly have the same columns. */
  readonly layouts?: PartsLayouts;
}

/** The columns of all parts of a probe, and the first column of each part. */
interface PartsLayout {
  readonly columns: readonly Column[];
  readonly bases: readonly number[];
}

/** Keeps one layout for probes whose columns are the same, which are those of nearly all containers. */
export class PartsLayouts {
  private latest: PartsLayout | undefined;

  of(parts: readonly Part[]): PartsLayout {
    const bases: number[] = [];
    const columns: Column[] = [];
    for (const part of parts) {
      bases.push(columns.length);
      columns.push(...part.columns);
    }
    const { latest } = this;
    if (latest !== undefined && isSame(latest.columns, columns) && isSame(latest.bases, bases)) return latest;
    this.latest = { columns, bases };
    return this.latest;
  }
}

function isSame<T>(some: readonly T[], others: readonly T[]): boolean {
  return some.length === others.length && some.every((one, i) => one === others[i]);
}

const NOTHING_MISSING: readonly Missing[] = [];
const FIRST: readonly number[] = [0];

/** A probe that consists of parts. It ends when the files of all its parts are gone. */
export class PartsProbe implements Probe {
  columns: readonly Column[] = [];
  readonly skipWhenIdle: boolean;
  readonly standsWhenIdle: boolean;
  readonly missing: readonly Missing[];
  private readonly beforeSample: (() => boolean) | undefined;
  private readonly layouts: PartsLayouts | undefined;
  private bases: readonly number[] = [];
  /** Parts whose files are gone; absent while there are none. */
  private gone: Set<Part> | undefined;

  private readonly parts: readonly Part[];

  constructor(parts: readonly Part[], options: PartsProbeOptions = {}) {
    // What `filter` returns has room for 17.
    this.parts = parts.slice();
    this.skipWhenIdle = options.skipWhenIdle ?? false;
    this.standsWhenIdle = options.standsWhenIdle ?? false;
    this.missing = options.missing?.length ? options.missing : NOTHING_MISSING;
    this.beforeSample = options.beforeSample;
    this.layouts = options.layouts;
    this.layOut();
  }

  sample(row: RowWriter): SampleOutcome {
    if (this.beforeSample !== undefined && !this.beforeSample()) return 'ended';
    const { parts, bases } = this;
    let changed = false;
    let left = 0;
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i]!;
      if (this.gone?.has(part) === true) continue;
      const outcome = part.sample(row, bases[i]!);
      if (outcome === 'gone') {
        this.gone ??= new Set();
        this.gone.add(part);
      } else if (outcome !== 'derived') left++;
      if (outcome === 'layout-changed') changed = true;
    }
    if (changed) this.layOut();
    if (changed) return 'layout-changed';
    return left === 0 ? 'ended' : 'ok';
  }

  close(): void {
    for (const part of this.parts) part.close();
  }

  private layOut(): void {
    const { parts, layouts = new PartsLayouts() } = this;
    const [first] = parts;
    const { columns, bases } =
      first !== undefined && parts.length === 1 ? { columns: first.columns, bases: FIRST } : layouts.of(parts);
    this.columns = columns;
    this.bases = bases;
  }
}

/** A probe with a file of one number that also tells the container's activity. */
export class ActiveProbe extends PartsProbe {
  constructor(
    parts: readonly Part[],
    private readonly file: KernelValue,
    private readonly fresh: FreshRead,
    readonly activityKind: NonNullable<Probe['activityKind']>,
    options: PartsProbeOptions,
  ) {
    super(parts, options);
  }

  activity(): number {
    return this.fresh.read(this.file) ? this.file.value : Number.NaN;
  }
}

/** A file holding one number. */
export class ValuePart implements Part {
  /** Whether the last sample read the file. */
  private good = false;

  /** @param columns the one column; the same list for all containers */
  constructor(
    readonly columns: readonly [Column],
    readonly file: KernelValue,
    private readonly fresh?: FreshRead,
  ) {}

  sample(row: RowWriter, base: number): PartOutcome {
    const { file, fresh } = this;
    this.good = fresh === undefined ? file.read() : fresh.readOrReuse(file);
    if (!this.good) return isGone(file.failure) ? 'gone' : 'ok';
    row.setExact(base, file.value, file.residual);
    return 'ok';
  }

  /** The number that the last sample read; NaN when it could not. */
  get current(): number {
    return this.good ? this.file.value : Number.NaN;
  }

  close(): void {
    this.file.close();
  }
}

/** Which column a key of a `key value` file fills. */
export interface KeyedColumn {
  readonly key: string;
  readonly column: Column;
  /** Turns the kernel's unit into the field's. Default 1. */
  readonly factor?: number;
  /** The kernel that brought the key, for the message when it is missing: `Linux 5.18`. */
  readonly since?: string;
}

/** The wanted keys that this kernel has, and their columns: the same for all containers of a host. */
interface KeyedPlan {
  readonly columns: readonly Column[];
  readonly indexes: readonly number[];
  readonly factors: readonly number[];
  readonly missing: readonly Missing[];
}

/** Columns by key. Created once and shared by all containers. */
export class KeyedColumns {
  /** Without duplicates. */
  readonly keys: readonly string[];
  private readonly plans = new Map<string, KeyedPlan>();

  constructor(private readonly entries: readonly KeyedColumn[]) {
    this.keys = [...new Set(entries.map(({ key }) => key))];
  }

  /** @param readable false when the file could not be read: all keys are then kept, as they may appear later */
  planFor(file: KeyedFile, readable: boolean): KeyedPlan {
    const known = this.keys.map((_, index) => !readable || !Number.isNaN(file.values[index]));
    const id = known.map(Number).join('');
    let plan = this.plans.get(id);
    if (plan === undefined) {
      plan = this.makePlan(known, file.path.slice(file.path.lastIndexOf('/') + 1));
      this.plans.set(id, plan);
    }
    return plan;
  }

  private makePlan(known: readonly boolean[], name: string): KeyedPlan {
    const isKnown = ({ key }: KeyedColumn) => known[this.keys.indexOf(key)] === true;
    const present = this.entries.filter(isKnown);
    return {
      columns: present.map(({ column }) => column),
      indexes: present.map(({ key }) => this.keys.indexOf(key)),
      factors: present.map(({ factor }) => factor ?? 1),
      missing: this.entries.filter((entry) => !isKnown(entry)).map((entry) => missingKey(name, entry)),
    };
  }
}

/**
 * A file of `key value` lines. Keys that the running kernel does not know have no column; they are determined
 * at the first read.
 */
export class KeyedPart implements Part {
  /** Whether the last sample read the file. */
  good = false;
  private readonly plan: KeyedPlan;

  /** @param file opened with the keys of `wanted` */
  constructor(
    readonly file: KeyedFile,
    wanted: KeyedColumns,
    private readonly fresh?: FreshRead,
  ) {
    this.plan = wanted.planFor(file, fresh === undefined ? file.read() : fresh.read(file));
  }

  /**
   * Opens the file of a container's directory.
   * @param fresh spares the first sample a second read
   * @returns undefined when there is none
   */
  static open(
    cgroup: CgroupFiles,
    controller: Controller,
    name: string,
    wanted: KeyedColumns,
    fresh?: FreshRead,
  ): KeyedPart | undefined {
    const file = cgroup.keyed(controller, name, wanted.keys);
    return file === undefined ? undefined : new KeyedPart(file, wanted, fresh);
  }

  get columns(): readonly Column[] {
    return this.plan.columns;
  }

  get missing(): readonly Missing[] {
    return this.plan.missing;
  }

  sample(row: RowWriter, base: number): PartOutcome {
    const { file, fresh } = this;
    this.good = fresh === undefined ? file.read() : fresh.readOrReuse(file);
    if (!this.good) return isGone(file.failure) ? 'gone' : 'ok';
    const { indexes, factors } = this.plan;
    const { values, residuals } = file;
    for (let i = 0; i < indexes.length; i++) {
      const index = indexes[i]!;
      const value = values[index]!;
      if (!Number.isNaN(value)) row.setScaled(base + i, value, residuals[index]!, factors[i]!);
    }
    return 'ok';
  }

  close(): void {
    this.file.close();
  }
}

/** A column computed from what earlier parts of the same probe read in the same sample. */
export abstract class DerivedPart implements Part {
  /** The one column. */
  abstract readonly columns: readonly [Column];
  /** The value; NaN when unknown. */
  abstract readonly current: number;

  sample(row: RowWriter, base: number): PartOutcome {
    const value = this.current;
    if (!Number.isNaN(value)) row.set(base, value);
    return 'derived';
  }

  close(): void {}
}

function missingKey(file: string, { key, column, since }: KeyedColumn): Missing {
  const reason = `${file} has no "${key}"${since === undefined ? '' : ` (the kernel has it since ${since})`}`;
  return { what: column.field.name, reason };
}
