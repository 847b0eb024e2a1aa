/**
 * The values of one minute: max, mean and 90th percentile of CPU (millicores) and of memory (bytes). NaN: unknown.
 */
export type MinuteValues = readonly [number, number, number, number, number, number];

export const VALUES_PER_MINUTE = 6;
export const MINUTES_PER_DAY = 1440;
/** Of an idle container all minutes are equal. */
const INITIAL_CAPACITY = 1;

/** Minutes as they are kept in a file: runs of equal ones, oldest first. */
export interface KeptMinutes {
  /** End of the newest minute, µs since the epoch. */
  readonly endedAt: number;
  /** Six values of each run. */
  readonly values: Float32Array;
  /** Minutes of each run. */
  readonly repeats: Uint16Array;
}

/**
 * The last `limit` minutes of a container, run-length encoded in typed arrays: a day of an idle container is one entry, a
 * day of a busy one 74 KiB.
 */
export class MinuteLog {
  /** Minutes held, at most `limit`. */
  length = 0;
  private values = new Float64Array(INITIAL_CAPACITY * VALUES_PER_MINUTE);
  private repeats = new Uint16Array(INITIAL_CAPACITY);
  private first = 0;
  private runs = 0;

  constructor(readonly limit: number) {}

  push(minute: MinuteValues): void {
    if (this.length === this.limit) this.dropOldest();
    this.length++;
    if (this.runs > 0 && this.equalsNewest(minute)) {
      this.repeats[this.first + this.runs - 1]!++;
      return;
    }
    if (this.first + this.runs === this.repeats.length) this.makeRoom();
    const run = this.first + this.runs++;
    this.values.set(minute, run * VALUES_PER_MINUTE);
    this.repeats[run] = 1;
  }

  /** A copy of all runs. */
  runsUntil(endedAt: number): KeptMinutes {
    const end = this.first + this.runs;
    return {
      endedAt,
      values: Float32Array.from(this.values.subarray(this.first * VALUES_PER_MINUTE, end * VALUES_PER_MINUTE)),
      repeats: this.repeats.slice(this.first, end),
    };
  }

  /** Adds kept minutes. */
  pushAll({ values, repeats }: Pick<KeptMinutes, 'values' | 'repeats'>): void {
    for (let run = 0; run < repeats.length; run++) {
      const base = run * VALUES_PER_MINUTE;
      const minute = values.subarray(base, base + VALUES_PER_MINUTE) as unknown as MinuteValues;
      for (let i = 0; i < repeats[run]!; i++) this.push(minute);
    }
  }

  /** The newest `count` values of one of the six quantities, oldest first. */
  column(index: number, count: number): number[] {
    const column: number[] = [];
    let skip = Math.max(0, this.length - count);
    for (let run = this.first; run < this.first + this.runs; run++) {
      const repeats = this.repeats[run]!;
      const value = this.values[run * VALUES_PER_MINUTE + index]!;
      for (let i = Math.min(skip, repeats); i < repeats; i++) column.push(value);
      skip = Math.max(0, skip - repeats);
    }
    return column;
  }

  private equalsNewest(minute: MinuteValues): boolean {
    const base = (this.first + this.runs - 1) * VALUES_PER_MINUTE;
    for (let i = 0; i < VALUES_PER_MINUTE; i++) if (!Object.is(this.values[base + i], minute[i])) return false;
    return true;
  }

  private dropOldest(): void {
    this.length--;
    if (--this.repeats[this.first]! > 0) return;
    this.first++;
    this.runs--;
  }

  /** Moves the runs to the front, and into larger arrays when more than half is used. */
  private makeRoom(): void {
    const used = this.repeats.length;
    const capacity = this.runs * 2 > used ? used * 2 : used;
    const values = new Float64Array(capacity * VALUES_PER_MINUTE);
    const repeats = new Uint16Array(capacity);
    const end = this.first + this.runs;
    values.set(this.values.subarray(this.first * VALUES_PER_MINUTE, end * VALUES_PER_MINUTE));
    repeats.set(this.repeats.subarray(this.first, end));
    this.values = values;
    this.repeats = repeats;
    this.first = 0;
  }
}
