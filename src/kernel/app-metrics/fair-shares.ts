/**
 * Divides a total among holders so that who wants little gets it all, and the others the same each (max-min fairness):
 * what one wants in excess costs nobody else anything.
 */
export class FairShares {
  private readonly wants = new Map<string, number>();
  private sum = 0;
  private level: number | undefined;

  /** @param most what a holder may have although there is more */
  constructor(
    private readonly total: number,
    private readonly most = Number.POSITIVE_INFINITY,
  ) {}

  /** Tells what a holder wants now. */
  want(holder: string, amount: number): void {
    const wanted = Math.min(amount, this.most);
    const before = this.wants.get(holder) ?? 0;
    if (wanted === before) return;
    if (wanted > 0) this.wants.set(holder, wanted);
    else this.wants.delete(holder);
    this.sum += wanted - before;
    this.level = undefined;
  }

  forget(holder: string): void {
    this.want(holder, 0);
  }

  /** What each holder may have at most. */
  get share(): number {
    this.level ??= this.sum <= this.total ? this.most : Math.min(this.most, this.fill());
    return this.level;
  }

  /** Whether somebody gets less than it wants because others want some, too. */
  get areShort(): boolean {
    return this.share < this.most && this.sum > this.total;
  }

  private fill(): number {
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

/** What all containers have together, of which each may take its share. */
export interface AppShares {
  readonly targets: FairShares;
  readonly series: FairShares;
  /** Bytes kept. */
  readonly memory: FairShares;
  /** Bytes read per second. */
  readonly rate: FairShares;
}
