import type { ExpositionBuffer } from './exposition-buffer.js';

/** Counts durations by size, as Prometheus histograms do. */
export class Histogram {
  private readonly counts: number[];
  private sum = 0;

  /** @param bounds upper bounds of the buckets, ascending, in seconds */
  constructor(
    private readonly name: string,
    private readonly help: string,
    private readonly bounds: readonly number[],
  ) {
    this.counts = new Array<number>(bounds.length + 1).fill(0);
  }

  observe(seconds: number): void {
    let bucket = 0;
    while (bucket < this.bounds.length && seconds > this.bounds[bucket]!) bucket++;
    this.counts[bucket]!++;
    this.sum += seconds;
  }

  write(buffer: ExpositionBuffer): void {
    const { name, help, bounds } = this;
    let total = 0;
    for (const [bucket, count] of this.counts.entries()) {
      total += count;
      const le = bounds[bucket] === undefined ? '+Inf' : String(bounds[bucket]);
      buffer.plain(name, 'histogram', help, total, { le }, '_bucket');
    }
    buffer.plain(name, 'histogram', help, this.sum, {}, '_sum');
    buffer.plain(name, 'histogram', help, total, {}, '_count');
  }
}
