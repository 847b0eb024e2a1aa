/** The unit of a field's raw value, as stored and as served by the REST API. `/metrics` converts to base units. */
export type Unit = (typeof UNITS)[number];

export const UNITS = [
  'bytes',
  'nanoseconds',
  'microseconds',
  'milliseconds',
  'count',
  'packets',
  'operations',
  'sectors',
  'pages',
  'tasks',
  'percent',
] as const;

/** `counter` only grows while the container lives; `gauge` goes both ways. */
export type FieldKind = (typeof FIELD_KINDS)[number];

export const FIELD_KINDS = ['counter', 'gauge'] as const;

/** The source of a field, so that it can be checked with `cat`: `memory.stat: total_inactive_file`. */
export interface FieldSource {
  /** On a cgroup v1 hierarchy. */
  readonly v1?: string;
  /** On the unified (v2) hierarchy. */
  readonly v2?: string;
  /** Independent of the cgroup version (`/proc/<pid>/net/dev`, `statfs(2)`). */
  readonly any?: string;
}

/**
 * What the agent itself makes of a field besides storing it: summaries over minutes, hours and days need a container's CPU
 * time (`nanoseconds`, a counter) and its working set (`bytes`), events its OOM kills (a counter). At most one field of a
 * container should have each, the one of the whole container.
 */
export type FieldRole = 'cpu-time' | 'working-set' | 'oom-kills';

/**
 * One measured quantity. Declared once by the metric source that reads it; that declaration feeds the REST API,
 * `/metrics`, every sink and the generated `docs/metrics.md`.
 */
export interface FieldDescriptor {
  /**
   * Dotted name, unique over all sources. The first word names the part of a sample it belongs to
   * (`cpu`, `memory`, `diskio`, `network`, `filesystem`, `processes`, …).
   */
  readonly name: string;
  readonly unit: Unit;
  readonly kind: FieldKind;
  /** The meaning of the number, in one sentence. */
  readonly help: string;
  readonly source: FieldSource;
  /** Names of the labels that distinguish columns of this field (`['cpu']`, `['device', 'operation']`). */
  readonly dimensions?: readonly string[];
  readonly role?: FieldRole;
}

/** One column of a row: a field, and the labels of its dimensions. */
export interface Column {
  readonly field: FieldDescriptor;
  /** Values of `field.dimensions`, in their order. Absent for a field without dimensions. */
  readonly labels?: readonly string[];
  /** Attributes of the column that do not identify it (`{ type: 'vfs', mountpoint: '/' }`). */
  readonly attributes?: Readonly<Record<string, string>>;
}

/**
 * The columns of a row, in order. Layouts are interned: containers with the same columns share one object, so work
 * done per layout (finding columns, preparing output text) is done once and can be cached in a `WeakMap`.
 */
export interface Layout {
  readonly columns: readonly Column[];
  /** Index of the first column of the field, −1 when the layout has none. */
  indexOf(fieldName: string): number;
  /** Indexes of all columns of the field, in layout order; empty when it has none. */
  indexesOf(fieldName: string): readonly number[];
}

/**
 * The part of the current row that belongs to one probe. Columns not written in a sample are absent in it
 * (they read as NaN), which is how "not available right now" is said.
 */
export interface RowWriter {
  /** Stores a value. `column` counts from the probe's own first column. */
  set(column: number, value: number): void;
  /**
   * Stores an integer above 2^53 exactly: `value` is the nearest double, `residual` what is missing to the true
   * integer (−1024 … 1024). `KernelValue` and `KeyedFile` give both.
   */
  setExact(column: number, value: number, residual: number): void;
  /** Stores the exact integer `(value + residual) × factor`; `factor` is a positive integer. */
  setScaled(column: number, value: number, residual: number, factor: number): void;
  /**
   * Whether numbers that cannot have moved may be taken from the previous sample by `repeat`. Every number of a container that
   * runs is read at least each `housekeeping.idleRefresh` (10 s), and whenever a request asks for fresh numbers: then it is false.
   */
  readonly mayRepeat: boolean;
  /** Stores the numbers of the previous sample in `count` columns from `column` on; only while `mayRepeat`. */
  repeat(column: number, count: number): void;
}
