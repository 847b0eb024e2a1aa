import type { DropReason, SinkBatch } from '../contracts/index.js';

/** A batch that waits or is being sent. */
export interface QueuedBatch extends Omit<SinkBatch, 'body' | 'attempts'> {
  /** Bytes of the body. */
  readonly size: number;
  readonly format: string;
  /** Batches of one lane are sent one after the other; −1: the lane is not known any more, so the batch is sent alone. */
  readonly lane: number;
  attempts: number;
  /** Where the body is. */
  readonly stored: StoredBody;
}

/** A body in memory or on disk. */
export interface StoredBody {
  readonly isInMemory: boolean;
  /** @throws Error when it is damaged or cannot be read */
  read(): Promise<Uint8Array>;
  /** It is not needed any more. */
  release(): void;
}

export type Dropped = (reason: DropReason, batch: QueuedBatch) => void;

/** Batches that wait, oldest first, bounded in bytes. */
export class BatchQueue {
  private batches: QueuedBatch[] = [];
  private readonly sending = new Set<QueuedBatch>();
  private size = 0;
  private memorySize = 0;

  /**
   * @param maxMemoryBytes the most of it that may be in memory
   * @param onDropped called with each batch that there is no room for
   */
  constructor(
    readonly maxBytes: number,
    private readonly maxMemoryBytes: number,
    private readonly onDropped: Dropped,
  ) {}

  get length(): number {
    return this.batches.length;
  }

  get bytes(): number {
    return this.size;
  }

  get points(): number {
    return this.batches.reduce((sum, { points }) => sum + points, 0);
  }

  /** Time of the oldest sample, µs. */
  get oldest(): number | undefined {
    return this.batches.length === 0 ? undefined : Math.min(...this.batches.slice(0, 64).map(({ oldest }) => oldest));
  }

  /** How many are being sent. */
  get busy(): number {
    return this.sending.size;
  }

  add(batch: QueuedBatch): void {
    this.batches.push(batch);
    this.size += batch.size;
    if (batch.stored.isInMemory) this.memorySize += batch.size;
    while (this.size > this.maxBytes) if (!this.dropOldest(false)) return;
    while (this.memorySize > this.maxMemoryBytes) if (!this.dropOldest(true)) return;
  }

  /** Takes the oldest batch that may be sent beside those that are being sent. */
  take(): QueuedBatch | undefined {
    const lanes = new Set([...this.sending].map(({ lane }) => lane));
    if (lanes.has(-1)) return undefined;
    for (const batch of this.batches) {
      if (this.sending.has(batch)) continue;
      if (batch.lane === -1 && lanes.size > 0) return undefined;
      if (!lanes.has(batch.lane)) {
        this.sending.add(batch);
        return batch;
      }
      // An older batch of this lane is being sent, so all others of the lane wait too.
    }
    return undefined;
  }

  /** It was not delivered and waits again. */
  putBack(batch: QueuedBatch): void {
    this.sending.delete(batch);
  }

  /** It was delivered or dropped. */
  remove(batch: QueuedBatch): void {
    this.sending.delete(batch);
    const index = this.batches.indexOf(batch);
    if (index < 0) return;
    this.batches.splice(index, 1);
    this.size -= batch.size;
    if (batch.stored.isInMemory) this.memorySize -= batch.size;
    batch.stored.release();
  }

  /** Takes over batches that are older than those here. Their lanes have no meaning in this queue. */
  adopt(older: readonly QueuedBatch[]): void {
    const own = this.batches;
    this.batches = [];
    this.size = 0;
    this.memorySize = 0;
    for (const batch of [...older.map((adopted) => ({ ...adopted, lane: -1 })), ...own]) this.add(batch);
  }

  /** What waits, oldest first. */
  get all(): readonly QueuedBatch[] {
    return this.batches;
  }

  private dropOldest(inMemory: boolean): boolean {
    const isCandidate = (batch: QueuedBatch) => !this.sending.has(batch) && (!inMemory || batch.stored.isInMemory);
    const oldest = this.batches.find(isCandidate);
    if (oldest === undefined) return false;
    this.remove(oldest);
    this.onDropped('queue_full', oldest);
    return true;
  }
}

/** A body in memory. */
export function inMemory(body: Uint8Array): StoredBody {
  return { isInMemory: true, read: async () => body, release: () => {} };
}
