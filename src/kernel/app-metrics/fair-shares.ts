import { CollectionError } from '../contracts/index.js';

/**
 * Divides a total among holders by max-min fairness: small amounts are granted in full, the others get equal shares. A
 * holder that wants too much does not reduce the share of others below that.
 */
export class FairShares {
  private readonly wants = new Map<string, number>();
  private sum = 0;
  private level: number | undefined;

  /** @param maximum limit of one holder, even if more is available */
  constructor(
    private readonly total: number,
    private readonly maximum = Number.POSITIVE_INFINITY,
  ) {}

  want(holder: string, amount: number): void {
    const wanted = Math.min(amount, this.maximum);
    const before = this.wantOf(holder);
    if (wanted === before) return;
    if (wanted > 0) this.wants.set(holder, wanted);
    else this.wants.delete(holder);
    this.sum += wanted - before;
    this.level = undefined;
  }

  /** The amount that a holder wants, of which it gets no more than `share`. */
  wantOf(holder: string): number {
    return this.wants.get(holder) ?? 0;
  }

  /** The maximum for each holder. */
  get share(): number {
    this.level ??= this.sum <= this.total ? this.maximum : Math.min(this.maximum, this.equalShare());
    return this.level;
  }

  /** Whether the total is exhausted, so that some holders get less than they want. */
  get isExhausted(): boolean {
    return this.share < this.maximum && this.sum > this.total;
  }

  private equalShare(): number {
    const wants = [...this.wants.values()].sort((a, b) => a - b);
    let left = this.total;
    for (const [index, wanted] of wants.entries()) {
      const equal = left / (wants.length - index);
      if (wanted > equal) return equal;
      left -= wanted;
    }
    return left;
  }
}

/** The totals that containers share. */
export interface AppShares {
  readonly targets: FairShares;
  readonly series: FairShares;
  /** Bytes kept. */
  readonly memory: FairShares;
  /** Bytes read per second. */
  readonly rate: FairShares;
}

/** Limits the memory of responses that are being read or processed. */
export class ResponseBudget {
  private readonly shares: FairShares;

  /** @param total bytes of all containers together */
  constructor(total: number) {
    this.shares = new FairShares(total);
  }

  /** @throws CollectionError when the total is exhausted and the container holds more than its share */
  take(container: string, bytes: number): void {
    const held = this.shares.wantOf(container) + bytes;
    this.shares.want(container, held);
    if (held <= this.shares.share) return;
    throw new CollectionError('too many responses are being read at the same time, most of them from this container');
  }

  release(container: string, bytes: number): void {
    this.shares.want(container, Math.max(this.shares.wantOf(container) - bytes, 0));
  }
}
