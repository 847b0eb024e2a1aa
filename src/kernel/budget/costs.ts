/** Averages over about this time, ms. */
const AVERAGED_OVER_MS = 30_000;

/** The rate of a growing total, averaged exponentially. */
export class Rate {
  /** Units of the total per second. */
  perSecond = 0;
  private total = Number.NaN;
  private at = 0;
  private isNew = true;

  /** @param now monotonic ms */
  update(total: number, now: number): void {
    const elapsed = now - this.at;
    if (!Number.isNaN(this.total) && elapsed > 0) {
      const latest = ((total - this.total) / elapsed) * 1000;
      const weight = this.isNew ? 1 : 1 - Math.exp(-elapsed / AVERAGED_OVER_MS);
      this.perSecond += (latest - this.perSecond) * weight;
      this.isNew = false;
    }
    this.total = total;
    this.at = now;
  }

  /** Forgets what was before, at the next update. */
  restart(): void {
    this.isNew = true;
  }
}

/** Rates of a changing set of totals; what is no longer updated is forgotten. */
export class Rates<K> {
  private rates = new Map<K, Rate>();

  /** @param totals the current totals by key @param now monotonic ms */
  update(totals: Iterable<readonly [K, number]>, now: number): void {
    const next = new Map<K, Rate>();
    for (const [key, total] of totals) {
      const rate = this.rates.get(key) ?? new Rate();
      rate.update(total, now);
      next.set(key, rate);
    }
    this.rates = next;
  }

  of(key: K): number {
    return this.rates.get(key)?.perSecond ?? 0;
  }

  /** Adjusts a rate to a change whose effect is known before it is measured. */
  scale(key: K, factor: number): void {
    const rate = this.rates.get(key);
    if (rate !== undefined) rate.perSecond *= factor;
  }

  get sum(): number {
    let sum = 0;
    for (const { perSecond } of this.rates.values()) sum += perSecond;
    return sum;
  }
}
