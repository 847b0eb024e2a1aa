import type { Clock, ExportContainer, Label, Sink } from '../contracts/index.js';
import type { Batcher } from './batcher.js';
import type { DiskQueue } from './disk-queue.js';

/** Time after the start in which containers are found again that were there before. ms */
const SETTLE_MS = 30_000;
/** Time between two saves, ms. Containers that came later are not known after a crash. */
const SAVE_INTERVAL_MS = 60_000;

/** Lets a sink say after a restart of the agent which containers have ended meanwhile, by a state on disk. */
export class EndedContainers {
  private readonly startedMs: number;
  private savedMs = Number.NEGATIVE_INFINITY;
  private saved = '';
  private isDone = false;

  constructor(
    private readonly sink: Sink,
    private readonly disk: DiskQueue,
    private readonly clock: Clock,
  ) {
    this.startedMs = clock.monotonic();
  }

  /**
   * To be called in each round, with what is there.
   * @throws what the sink throws
   */
  async round(living: readonly ExportContainer[], batcher: Batcher): Promise<void> {
    const nowMs = this.clock.monotonic();
    if (!this.isDone) {
      if (nowMs - this.startedMs < SETTLE_MS) return;
      this.isDone = true;
      await this.endMissing(living, batcher);
    }
    if (nowMs - this.savedMs >= SAVE_INTERVAL_MS) await this.save(living);
  }

  /** Saves what is there. Not before the state of the agent before was of use. */
  async save(living: readonly ExportContainer[]): Promise<void> {
    if (!this.isDone) return;
    this.savedMs = this.clock.monotonic();
    const state = this.sink.state?.(living) ?? '';
    if (state !== this.saved) await this.disk.saveState(state);
    this.saved = state;
  }

  private async endMissing(living: readonly ExportContainer[], batcher: Batcher): Promise<void> {
    const state = await this.disk.savedState();
    if (state === undefined || state === '') return;
    const known = new Set(living.map(({ labels }) => JSON.stringify(labels)));
    const isThere = (labels: readonly Label[]) => known.has(JSON.stringify(labels));
    batcher.endMissing(state, isThere, this.clock.now(), this.clock.monotonic());
  }
}
