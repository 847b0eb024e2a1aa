const TWO_TO_32 = 4294967296;

/** Adds up integers of 64 bits without losing a digit. */
export class ExactSum {
  private high = 0;
  private low = 0;

  reset(): void {
    this.high = 0;
    this.low = 0;
  }

  /** Adds the integer `value + residual`. */
  add(value: number, residual: number): void {
    const high = Math.floor(value / TWO_TO_32);
    this.high += high;
    this.low += value - high * TWO_TO_32 + residual;
  }

  addSum(other: ExactSum): void {
    this.high += other.high;
    this.low += other.low;
  }

  /** The sum as the nearest double. */
  get value(): number {
    return this.high * TWO_TO_32 + this.low;
  }

  /** What is missing from `value` to the exact sum. */
  get residual(): number {
    const head = this.high * TWO_TO_32;
    return this.low - (head + this.low - head);
  }
}
