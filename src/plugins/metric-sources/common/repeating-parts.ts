import type { CgroupFiles, Clock, Column, RowWriter } from '../../../kernel/contracts/index.js';
import type { Part, PartOutcome } from './parts.js';

/** Reads a part with fixed columns at an interval; in between its values are repeated. */
export class PacedPart implements Part {
  readonly columns: readonly Column[];
  private readonly memory: RowMemory;
  private readAt = Number.NEGATIVE_INFINITY;

  /** @param intervalMs between two reads */
  constructor(
    private readonly part: Part,
    private readonly intervalMs: number,
    private readonly clock: Clock,
  ) {
    this.columns = part.columns;
    this.memory = new RowMemory(part.columns.length);
  }

  sample(row: RowWriter, base: number): PartOutcome {
    const now = this.clock.monotonic();
    let outcome: PartOutcome = 'ok';
    if (now - this.readAt >= this.intervalMs) {
      this.readAt = now;
      this.memory.forget();
      outcome = this.part.sample(this.memory, 0);
    }
    this.memory.writeTo(row, base);
    return outcome;
  }

  close(): void {
    this.part.close();
  }
}

/**
 * A part that nothing can move for now, such as counts of a limit that is not set: its numbers are repeated where a sample may
 * repeat numbers.
 */
export abstract class StandingPart<P extends Part> implements Part {
  private isImmovable: boolean | undefined;

  constructor(
    protected readonly part: P,
    private readonly cgroup: CgroupFiles,
  ) {}

  get columns(): readonly Column[] {
    return this.part.columns;
  }

  sample(row: RowWriter, base: number): PartOutcome {
    if (row.mayRepeat && this.isImmovable !== false) {
      this.isImmovable ??= this.cannotMove(this.cgroup);
      if (this.isImmovable) {
        row.repeat(base, this.part.columns.length);
        return 'ok';
      }
    }
    const outcome = this.part.sample(row, base);
    if (!this.hasNotMoved()) this.isImmovable = false;
    return outcome;
  }

  close(): void {
    this.part.close();
  }

  /** Asked after each read. */
  protected abstract hasNotMoved(): boolean;

  /** Asked once, when a sample may repeat numbers for the first time. */
  protected abstract cannotMove(cgroup: CgroupFiles): boolean;
}

const CELLS = 3;

/** Keeps the values that are written to it. */
class RowMemory implements RowWriter {
  readonly mayRepeat = false;
  /** Value, residual and factor of each column. */
  private readonly cells: Float64Array;

  constructor(width: number) {
    this.cells = new Float64Array(width * CELLS).fill(Number.NaN);
  }

  set(column: number, value: number): void {
    this.setScaled(column, value, 0, 1);
  }

  setExact(column: number, value: number, residual: number): void {
    this.setScaled(column, value, residual, 1);
  }

  setScaled(column: number, value: number, residual: number, factor: number): void {
    const at = column * CELLS;
    this.cells[at] = value;
    this.cells[at + 1] = residual;
    this.cells[at + 2] = factor;
  }

  repeat(): void {}

  forget(): void {
    this.cells.fill(Number.NaN);
  }

  writeTo(row: RowWriter, base: number): void {
    const { cells } = this;
    for (let at = 0, column = base; at < cells.length; at += CELLS, column++) {
      const value = cells[at]!;
      if (!Number.isNaN(value)) row.setScaled(column, value, cells[at + 1]!, cells[at + 2]!);
    }
  }
}
