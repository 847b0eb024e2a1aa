/** The rows of a segment that hold a sample, oldest first, by their slots. */
export interface Rows {
  readonly count: number;
  slot(index: number): number;
}

/** A column that varies, and how its values are kept. */
export interface Place {
  readonly column: number;
  /** Values are kept as differences from this one; NaN: they are kept whole. */
  readonly origin: number;
  /** Where the values so far are taken from: a place of the cells before, or −1, and all are `value`. */
  readonly source: number;
  readonly value: number;
  readonly residual: number;
}

/** Differences of more than half of what 32 bits hold are made smaller when all rows have been replaced. */
const FAR = 2 ** 30;
/** Part of the columns that must have stopped varying before they are dropped: they are then in the newest row alone. */
const DROPPED_SHARE = 1 / 4;

/**
 * The values of the columns that vary, for each row of a segment: as a difference from an origin in 32 bits where that is exact,
 * otherwise as a double. A row has its doubles first.
 */
export class Cells {
  /** Those kept whole, ascending, and then those kept as differences, ascending. */
  readonly columns: Uint16Array;
  /** How many are kept whole. */
  readonly wholes: number;
  /** By place, of those kept as differences. */
  private readonly origins: Float64Array;
  /** Doubles of a row: those kept whole, and one for two differences. */
  private readonly width: number;
  private readonly numbers: Float64Array;
  private readonly differences: Int32Array;
  private readonly residuals: Int16Array | undefined;

  /** @param places in the order of `columns` */
  constructor(
    places: readonly Place[],
    readonly capacity: number,
    hasResiduals: boolean,
  ) {
    this.columns = Uint16Array.from(places, ({ column }) => column);
    this.origins = Float64Array.from(places, ({ origin }) => origin);
    const firstDifference = places.findIndex(({ origin }) => !Number.isNaN(origin));
    this.wholes = firstDifference < 0 ? places.length : firstDifference;
    this.width = this.wholes + ((places.length - this.wholes + 1) >> 1);
    this.numbers = new Float64Array(capacity * this.width);
    this.differences = new Int32Array(this.numbers.buffer);
    if (hasResiduals) this.residuals = new Int16Array(capacity * places.length);
  }

  get bytes(): number {
    const { columns, origins, numbers, residuals } = this;
    return columns.byteLength + origins.byteLength + numbers.byteLength + (residuals?.byteLength ?? 0);
  }

  /**
   * Stores a row.
   * @returns the first place whose value is no difference in 32 bits from its origin, so that the row is incomplete; −1: none
   */
  store(slot: number, values: Float64Array, residuals: Int16Array | undefined): number {
    const { columns, wholes, origins, numbers, differences } = this;
    const start = slot * this.width;
    for (let i = 0; i < wholes; i++) numbers[start + i] = values[columns[i]!]!;
    const from = 2 * start + wholes;
    for (let i = wholes; i < columns.length; i++) {
      const value = values[columns[i]!]!;
      const origin = origins[i]!;
      const difference = (value - origin) | 0;
      if (origin + difference !== value) return i;
      differences[from + i] = difference;
    }
    if (residuals !== undefined) {
      const base = slot * columns.length;
      for (let i = 0; i < columns.length; i++) this.residuals![base + i] = residuals[columns[i]!]!;
    }
    return -1;
  }

  /** Overwrites the columns that vary in a row of all columns. */
  restore(slot: number, row: Float64Array): void {
    const { columns, wholes, origins, numbers, differences } = this;
    const start = slot * this.width;
    for (let i = 0; i < wholes; i++) row[columns[i]!] = numbers[start + i]!;
    const from = 2 * start + wholes;
    for (let i = wholes; i < columns.length; i++) row[columns[i]!] = origins[i]! + differences[from + i]!;
  }

  restoreResiduals(slot: number, row: Int16Array): void {
    const { columns } = this;
    const base = slot * columns.length;
    for (let i = 0; i < columns.length; i++) row[columns[i]!] = this.residuals![base + i]!;
  }

  /** How the values are kept. */
  places(): Place[] {
    const { columns, origins } = this;
    return Array.from(columns, (column, source) => ({
      column,
      origin: origins[source]!,
      source,
      value: 0,
      residual: 0,
    }));
  }

  /** The same rows with columns added, removed or kept in another way, or with residuals. */
  moved(rows: Rows, wanted: readonly Place[], hasResiduals: boolean): Cells {
    const places = inOrder(wanted);
    const cells = new Cells(places, this.capacity, hasResiduals);
    for (let i = 0; i < rows.count; i++) cells.copy(this, rows.slot(i), rows.slot(i), places);
    return cells;
  }

  /** The same rows, from slot 0 on. */
  resized(rows: Rows, capacity: number): Cells {
    const places = this.places();
    const cells = new Cells(places, capacity, this.residuals !== undefined);
    for (let i = 0; i < rows.count; i++) cells.copy(this, rows.slot(i), i, places);
    return cells;
  }

  /** The same rows in less memory, if it can be had: to be called when every row has been replaced since the last time. */
  tidied(rows: Rows, newest: Float64Array, residuals: Int16Array | undefined): Cells {
    const all = this.places();
    const varying = all.filter((place) => !this.isConstant(place, rows, newest, residuals));
    const before = all.length - varying.length < all.length * DROPPED_SHARE ? all : varying;
    const places = before.map((place) => this.withNearOrigin(place, rows, newest[place.column]!));
    if (places.every((place, i) => place === all[i]) && places.length === all.length) return this;
    return this.moved(rows, places, residuals !== undefined);
  }

  /** Whether all rows have the value of the newest one. */
  private isConstant(place: Place, rows: Rows, newest: Float64Array, residuals: Int16Array | undefined): boolean {
    const { column, source } = place;
    for (let i = 0; i < rows.count; i++) {
      const slot = rows.slot(i);
      if (!Object.is(this.valueAt(slot, source), newest[column])) return false;
      if (residuals !== undefined && this.residualAt(slot, source) !== residuals[column]) return false;
    }
    return true;
  }

  /** Differences from the newest value, if others would soon be too large, or doubles are kept and need not be. */
  private withNearOrigin(place: Place, rows: Rows, newest: number): Place {
    if (Math.abs(newest - place.origin) <= FAR) return place;
    for (let i = 0; i < rows.count; i++) {
      if (!isNear(this.valueAt(rows.slot(i), place.source), newest)) return place;
    }
    return { ...place, origin: newest };
  }

  private copy(from: Cells, fromSlot: number, slot: number, places: readonly Place[]): void {
    const start = slot * this.width;
    for (let i = 0; i < places.length; i++) {
      const place = places[i]!;
      const { source } = place;
      const value = source < 0 ? place.value : from.valueAt(fromSlot, source);
      if (i < this.wholes) this.numbers[start + i] = value;
      else this.differences[2 * start + this.wholes + i] = value - place.origin;
      if (this.residuals === undefined) continue;
      this.residuals[slot * places.length + i] = source < 0 ? place.residual : from.residualAt(fromSlot, source);
    }
  }

  private valueAt(slot: number, place: number): number {
    const start = slot * this.width;
    if (place < this.wholes) return this.numbers[start + place]!;
    return this.origins[place]! + this.differences[2 * start + this.wholes + place]!;
  }

  private residualAt(slot: number, place: number): number {
    return this.residuals === undefined ? 0 : this.residuals[slot * this.columns.length + place]!;
  }
}

/** Whether a value can be kept as its difference from an origin. */
export function isNear(value: number, origin: number): boolean {
  return origin + ((value - origin) | 0) === value;
}

function inOrder(places: readonly Place[]): Place[] {
  const isWhole = ({ origin }: Place) => Number(Number.isNaN(origin));
  return places.toSorted((a, b) => isWhole(b) - isWhole(a) || a.column - b.column);
}
