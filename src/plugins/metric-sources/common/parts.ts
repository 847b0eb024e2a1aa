import {
  type CgroupFiles,
  type Column,
  type Controller,
  isGone,
  type KernelValue,
  type KeyedFile,
  type Probe,
  type RowWriter,
  type SampleOutcome,
} from '../../../kernel/contracts/index.js';
import type { FreshRead } from './fresh-read.js';

/**
 * What a part says after its share of a sample. `gone`: its file vanished for good. `derived`: it has no file of its
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

/** What a probe lacks. */
export interface Missing {
  readonly what: string;
  readonly reason: string;
}

/** What a probe made of parts may have besides its parts. */
export interface PartsProbeOptions {
  readonly skipWhenIdle?: boolean;
  readonly activity?: () => number;
  readonly missing?: readonly Missing[];
  /** Called before each sample; false ends the probe. */
  readonly beforeSample?: () => boolean;
}

/** A probe put together from parts. It ends when the files of all its parts are gone. */
export class PartsProbe implements Probe {
  columns: readonly Column[] = [];
  readonly skipWhenIdle: boolean;
  readonly missing: readonly Missing[];
  readonly activity?: () => number;
  private readonly beforeSample: (() => boolean) | undefined;
  private readonly bases: Int32Array;
  private readonly gone: boolean[];

  constructor(
    private readonly parts: readonly Part[],
    options: PartsProbeOptions = {},
  ) {
    this.skipWhenIdle = options.skipWhenIdle ?? false;
    this.missing = options.missing ?? [];
    this.beforeSample = options.beforeSample;
    if (options.activity !== undefined) this.activity = options.activity;
    this.bases = new Int32Array(parts.length);
    this.gone = parts.map(() => false);
    this.layOut();
  }

  sample(row: RowWriter): SampleOutcome {
    if (this.beforeSample !== undefined && !this.beforeSample()) return 'ended';
    const { parts, bases, gone } = this;
    let changed = false;
    let left = 0;
    for (let i = 0; i < parts.length; i++) {
      if (gone[i]) continue;
      const outcome = parts[i]!.sample(row, bases[i]!);
      if (outcome === 'gone') gone[i] = true;
      else if (outcome !== 'derived') left++;
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
    this.columns = this.parts.flatMap((part) => part.columns);
  }
}

/** A file holding one number. `factor` turns the kernel's unit into the field's. */
export class ValuePart implements Part {
  readonly columns: readonly Column[];
  /** Whether the last sample read the file. */
  good = false;

  constructor(
    column: Column,
    readonly file: KernelValue,
    private readonly options: { readonly factor?: number; readonly fresh?: FreshRead } = {},
  ) {
    this.columns = [column];
  }

  sample(row: RowWriter, base: number): PartOutcome {
    const { file } = this;
    const { factor = 1, fresh } = this.options;
    this.good = fresh === undefined ? file.read() : fresh.readOrReuse();
    if (!this.good) return isGone(file.failure) ? 'gone' : 'ok';
    row.setScaled(base, file.value, file.residual, factor);
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

/** A list of keyed columns with its keys, each once; made once and shared by all containers. */
export interface KeyedColumns {
  readonly entries: readonly KeyedColumn[];
  readonly keys: readonly string[];
}

export function keyedColumns(entries: readonly KeyedColumn[]): KeyedColumns {
  return { entries, keys: [...new Set(entries.map(({ key }) => key))] };
}

/**
 * A file of `key value` lines. Keys that the running kernel does not know have no column; which ones it knows shows
 * at the first read.
 */
export class KeyedPart implements Part {
  readonly columns: readonly Column[];
  readonly missing: readonly Missing[];
  /** Whether the last sample read the file. */
  good = false;
  private readonly indexes: Int32Array;
  private readonly factors: Float64Array;

  /** @param file opened with the keys of `wanted` */
  constructor(
    readonly file: KeyedFile,
    { entries }: KeyedColumns,
    private readonly fresh?: FreshRead,
  ) {
    // An unreadable file leaves all keys open: they may turn up later.
    const readable = file.read();
    const known = (entry: KeyedColumn) => !readable || !Number.isNaN(file.values[file.keys.indexOf(entry.key)]);
    const present = entries.filter(known);
    this.missing = entries.filter((entry) => !known(entry)).map((entry) => missingKey(file.path, entry));
    this.columns = present.map((entry) => entry.column);
    this.indexes = Int32Array.from(present, (entry) => file.keys.indexOf(entry.key));
    this.factors = Float64Array.from(present, (entry) => entry.factor ?? 1);
  }

  /** Opens the file of a container's directory. @returns undefined when there is none */
  static open(cgroup: CgroupFiles, controller: Controller, name: string, wanted: KeyedColumns): KeyedPart | undefined {
    const file = cgroup.keyed(controller, name, wanted.keys);
    return file === undefined ? undefined : new KeyedPart(file, wanted);
  }

  sample(row: RowWriter, base: number): PartOutcome {
    const { file, fresh, indexes, factors } = this;
    this.good = fresh === undefined ? file.read() : fresh.readOrReuse();
    if (!this.good) return isGone(file.failure) ? 'gone' : 'ok';
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

  /** @param compute gives the value, NaN when it cannot be told */
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

function missingKey(path: string, { key, column, since }: KeyedColumn): Missing {
  const reason = `${path} has no "${key}"${since === undefined ? '' : ` (the kernel has it since ${since})`}`;
  return { what: column.field.name, reason };
}
