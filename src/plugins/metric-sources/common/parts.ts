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
  readonly activity?: () => number;
  readonly activityKind?: NonNullable<Probe['activityKind']>;
  readonly missing?: readonly Missing[];
  /** Called before each sample; false ends the probe. */
  readonly beforeSample?: () => boolean;
}

/** A probe that consists of parts. It ends when the files of all its parts are gone. */
export class PartsProbe implements Probe {
  columns: readonly Column[] = [];
  readonly skipWhenIdle: boolean;
  readonly standsWhenIdle: boolean;
  readonly missing: readonly Missing[];
  readonly activity?: () => number;
  readonly activityKind: NonNullable<Probe['activityKind']>;
  private readonly beforeSample: (() => boolean) | undefined;
  private readonly bases: number[];
  /** Parts whose files are gone; absent while there are none. */
  private gone: Set<Part> | undefined;

  private readonly parts: readonly Part[];

  constructor(parts: readonly Part[], options: PartsProbeOptions = {}) {
    // What `filter` returns has room for 17.
    this.parts = parts.slice();
    this.skipWhenIdle = options.skipWhenIdle ?? false;
    this.standsWhenIdle = options.standsWhenIdle ?? false;
    this.missing = options.missing ?? [];
    this.activityKind = options.activityKind ?? 'other';
    this.beforeSample = options.beforeSample;
    if (options.activity !== undefined) this.activity = options.activity;
    this.bases = parts.map(() => 0);
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
    let base = 0;
    for (const [i, part] of this.parts.entries()) {
      this.bases[i] = base;
      base += part.columns.length;
    }
    const [first, ...others] = this.parts;
    this.columns = others.length === 0 ? (first?.columns ?? []) : this.parts.flatMap((part) => part.columns);
  }
}

/** A file holding one number. */
export class ValuePart implements Part {
  /** Whether the last sample read the file. */
  good = false;

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
export class DerivedPart implements Part {
  readonly columns: readonly Column[];

  /** @param compute returns the value, NaN when unknown */
  constructor(
    column: Column,
    private readonly compute: () => number,
  ) {
    this.columns = [column];
  }

  sample(row: RowWriter, base: number): PartOutcome {
    const value = this.compute();
    if (!Number.isNaN(value)) row.set(base, value);
    return 'derived';
  }

  close(): void {}
}

function missingKey(file: string, { key, column, since }: KeyedColumn): Missing {
  const reason = `${file} has no "${key}"${since === undefined ? '' : ` (the kernel has it since ${since})`}`;
  return { what: column.field.name, reason };
}
