import type { Clock, KernelValue, KeyedFile } from '../../../kernel/contracts/index.js';

/** `sample` follows `activity` at once when it follows at all; nobody minds a number of this age, in ms. */
const FRESH_MS = 5;

/**
 * Remembers that a file was just read for `activity`, so that the `sample` that follows need not read it again. Should
 * another sample come instead, the age gives it away.
 */
export class FreshRead {
  private readAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly file: KernelValue | KeyedFile,
    private readonly clock: Clock,
  ) {}

  /** Reads now. */
  read(): boolean {
    const good = this.file.read();
    this.readAt = good ? this.clock.monotonic() : Number.NEGATIVE_INFINITY;
    return good;
  }

  /** Reads, unless that was done a moment ago; each read is used once. */
  readOrReuse(): boolean {
    const fresh = this.clock.monotonic() - this.readAt < FRESH_MS;
    this.readAt = Number.NEGATIVE_INFINITY;
    return fresh || this.file.read();
  }
}
