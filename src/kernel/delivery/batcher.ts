import { ByteWriter } from '../contracts/bytes/index.js';
import type { Label, Sink } from '../contracts/index.js';
import type { SampleCollector, Subject } from './collector.js';

const FIRST_CAPACITY = 64 * 1024;
/** Bytes after which a batch is complete whatever its data points are. */
const MAX_BODY_BYTES = 4 * 2 ** 20;

/** A complete body, packed as it will be sent. */
export interface PackedBatch {
  readonly body: Uint8Array;
  readonly points: number;
  readonly oldest: number;
  readonly newest: number;
  readonly lane: number;
}

/** A body under construction. */
interface OpenBatch {
  readonly out: ByteWriter;
  points: number;
  oldest: number;
  newest: number;
  /** Monotonic ms. */
  openedAtMs: number;
}

/** Encodes samples into batches, one under construction for each lane. */
export class Batcher {
  private readonly open: OpenBatch[];
  private readonly size: number;
  private readonly ageMs: number;

  constructor(private readonly sink: Sink) {
    const { batch, concurrency } = sink.options;
    this.size = batch.size;
    this.ageMs = batch.age;
    this.open = Array.from({ length: concurrency }, () => ({
      out: new ByteWriter(FIRST_CAPACITY),
      points: 0,
      oldest: 0,
      newest: 0,
      openedAtMs: 0,
    }));
  }

  /** Adds the collector's sample. @throws what the sink throws; nothing was added then */
  add({ sample }: SampleCollector, nowMs: number): void {
    this.encode(sample.container.lane, sample.time, nowMs, (out) => this.sink.encode(sample, out));
  }

  /** Adds that something has ended. @throws what the sink throws; nothing was added then */
  end(container: Subject, time: number, nowMs: number): void {
    this.encode(container.lane, time, nowMs, (out) => this.sink.encodeEnd?.(container, time, out) ?? 0);
  }

  /** Adds that containers ended before the agent started. @throws what the sink throws; nothing was added then */
  endMissing(state: string, isThere: (labels: readonly Label[]) => boolean, time: number, nowMs: number): void {
    this.encode(0, time, nowMs, (out) => this.sink.endMissing?.(state, isThere, time, out) ?? 0);
  }

  /** Whether the batch of a lane is complete. */
  isFull(lane: number): boolean {
    const { points, out } = this.open[lane]!;
    return points >= this.size || out.length >= MAX_BODY_BYTES;
  }

  /** Lanes whose batch is complete or has reached `batch.age`. */
  due(nowMs: number, all: boolean): readonly number[] {
    return [...this.open.keys()].filter((lane) => {
      const { points, openedAtMs } = this.open[lane]!;
      return points > 0 && (all || this.isFull(lane) || nowMs - openedAtMs >= this.ageMs);
    });
  }

  /** Completes the batch of a lane. */
  async take(lane: number): Promise<PackedBatch> {
    const batch = this.open[lane]!;
    const { out, points, oldest, newest } = batch;
    this.sink.finish?.(out);
    const body = out.buffer.subarray(0, out.length);
    try {
      // The buffer is reused, so a body that the sink did not pack is copied.
      const packed = this.sink.pack === undefined ? body : await this.sink.pack(body);
      return { body: packed.buffer === body.buffer ? Buffer.from(packed) : packed, points, oldest, newest, lane };
    } finally {
      out.length = 0;
      batch.points = 0;
    }
  }

  private encode(lane: number, time: number, nowMs: number, write: (out: ByteWriter) => number): void {
    const batch = this.open[lane]!;
    const { out } = batch;
    const isNew = batch.points === 0;
    if (isNew) out.length = 0;
    const start = out.length;
    try {
      if (isNew) this.sink.begin?.(out);
      const points = write(out);
      if (points === 0) {
        out.length = start;
        return;
      }
      if (isNew) {
        batch.oldest = time;
        batch.newest = time;
        batch.openedAtMs = nowMs;
      }
      batch.points += points;
      batch.oldest = Math.min(batch.oldest, time);
      batch.newest = Math.max(batch.newest, time);
    } catch (error) {
      out.length = start;
      throw error;
    }
  }
}
