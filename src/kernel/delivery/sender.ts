import {
  Backoff,
  type Clock,
  type DeliveryError,
  type DropReason,
  type Logger,
  messageOf,
  type SendResult,
  type Sink,
  type Timers,
} from '../contracts/index.js';
import { RecentMessages } from '../log/index.js';
import type { BatchQueue, QueuedBatch } from './queue.js';

/** The longest pause that a receiver may ask for, ms. */
const LONGEST_RETRY_AFTER_MS = 3_600_000;

/** Counts of data points, and of attempts. */
export class DeliveryCounts {
  readonly sent = { batches: 0, points: 0, bytes: 0 };
  readonly dropped: Partial<Record<DropReason, number>> = {};
  retries = 0;
  attempts = 0;
  attemptMs = 0;
  lastSentAt: number | undefined;

  drop(reason: DropReason, points: number): void {
    this.dropped[reason] = (this.dropped[reason] ?? 0) + points;
  }
}

/** What a sender needs from the delivery. */
export interface SenderServices {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly timers: Timers;
  /** Calls the plugin and attributes the time to it; rejects with what the plugin throws. */
  readonly call: <T>(what: string, call: () => Promise<T>) => Promise<T>;
  /** Record how an attempt went. */
  readonly succeeded: () => void;
  readonly failed: (error: unknown, reason: string) => void;
}

/** Sends the batches of a queue in order, with pauses after failures. */
export class Sender {
  private readonly backoff: Backoff;
  private notBeforeMs = Number.NEGATIVE_INFINITY;
  private cancelTimer: (() => void) | undefined;
  private aborted = new AbortController();
  private isPaused = true;
  private waiters: (() => void)[] = [];
  /** Data points dropped since the receiver last took something. */
  private lostPoints = 0;
  /** Messages that were logged already; those of failures are forgotten after a success. */
  private readonly loggedAnswers = new RecentMessages();
  private loggedFailures = new RecentMessages();
  /** Why nothing can be delivered now. */
  failure: string | undefined;

  constructor(
    private readonly sink: Sink,
    readonly queue: BatchQueue,
    private readonly counts: DeliveryCounts,
    private readonly services: SenderServices,
  ) {
    const { first, longest } = sink.options.retry;
    this.backoff = new Backoff(first, Math.max(first, longest));
  }

  /** From now on batches are sent. */
  resume(): void {
    this.isPaused = false;
    this.pump();
  }

  /** Sends what may be sent now. */
  pump(): void {
    const waitMs = this.notBeforeMs - this.services.clock.monotonic();
    if (waitMs > 0) this.wakeAt(waitMs);
    else this.sendAll();
    if (this.queue.busy === 0) for (const done of this.waiters.splice(0)) done();
  }

  private sendAll(): void {
    // While it fails, one batch is enough to find out whether the receiver is back.
    const most = this.failure === undefined ? this.sink.options.concurrency : 1;
    while (!this.isPaused && !this.aborted.signal.aborted && this.queue.busy < most) {
      const batch = this.queue.take();
      if (batch === undefined) return;
      void this.deliver(batch);
    }
  }

  /**
   * Tries to send everything within the time, without the pauses after earlier failures; the first new failure ends it.
   * Nothing is sent any more afterwards.
   */
  async flush(limitMs: number): Promise<void> {
    this.notBeforeMs = Number.NEGATIVE_INFINITY;
    const timer = setTimeout(
      () => this.aborted.abort(new Error('the time to deliver the last batches is over')),
      limitMs,
    );
    try {
      this.pump();
      while (this.queue.busy > 0) await new Promise<void>((done) => this.waiters.push(done));
    } finally {
      clearTimeout(timer);
      await this.stop();
    }
  }

  /** Ends what is being sent; nothing is sent any more. */
  async stop(): Promise<void> {
    this.isPaused = true;
    this.cancelTimer?.();
    this.aborted.abort(new Error('the sink stops'));
    while (this.queue.busy > 0) await new Promise<void>((done) => this.waiters.push(done));
  }

  /** Counts dropped data points for the log line of the next success. */
  lost(points: number): void {
    this.lostPoints += points;
  }

  private async deliver(batch: QueuedBatch): Promise<void> {
    const { clock } = this.services;
    const { maxAge } = this.sink.options.retry;
    if (maxAge !== undefined && clock.now() - batch.newest > maxAge * 1000) {
      this.drop(batch, 'too_old');
    } else if (batch.format !== this.sink.format) {
      this.drop(batch, 'format');
    } else {
      await this.attempt(batch);
    }
    this.pump();
  }

  private async attempt(batch: QueuedBatch): Promise<void> {
    const { clock, call } = this.services;
    let body: Uint8Array;
    try {
      body = await batch.stored.read();
    } catch (error) {
      this.services.logger.error(`a batch cannot be read and is dropped: ${messageOf(error)}`);
      this.drop(batch, 'damaged');
      return;
    }
    const { points, oldest, newest, attempts } = batch;
    const startedMs = clock.monotonic();
    batch.attempts++;
    this.counts.attempts++;
    try {
      const { signal } = this.aborted;
      const result = await call('send', async () => this.sink.send({ body, points, oldest, newest, attempts }, signal));
      this.counts.attemptMs += clock.monotonic() - startedMs;
      this.delivered(batch, result ?? {});
    } catch (error) {
      this.counts.attemptMs += clock.monotonic() - startedMs;
      this.failed(batch, error);
    }
  }

  private delivered(batch: QueuedBatch, { rejected = 0, message = '' }: SendResult): void {
    const { clock, logger } = this.services;
    const { sent } = this.counts;
    sent.batches++;
    sent.points += batch.points - rejected;
    sent.bytes += batch.size;
    this.counts.lastSentAt = clock.now();
    this.queue.remove(batch);
    this.services.succeeded();
    if (rejected > 0) this.counts.drop('refused', rejected);
    if (message !== '' && this.loggedAnswers.isNew(message, clock.monotonic())) {
      logger.warn(`the receiver left out ${rejected} of ${batch.points} data points: ${message}`);
    }
    this.recovered();
  }

  private recovered(): void {
    const { logger } = this.services;
    this.backoff.reset();
    if (this.failure !== undefined) {
      const lost = this.lostPoints === 0 ? 'nothing was lost' : `${this.lostPoints} data points were lost meanwhile`;
      logger.info(`batches are delivered again; ${lost}`);
    }
    this.failure = undefined;
    this.loggedFailures = new RecentMessages();
    this.lostPoints = 0;
  }

  private failed(batch: QueuedBatch, error: unknown): void {
    const { logger } = this.services;
    const reason = reasonOf(error);
    if (this.aborted.signal.aborted) {
      this.queue.putBack(batch);
      return;
    }
    this.services.failed(error, reason);
    const now = this.services.clock.monotonic();
    if (isDeliveryError(error) && error.isPermanent) {
      if (this.loggedAnswers.isNew(reason, now)) {
        logger.error(`a batch of ${batch.points} data points was refused and is dropped: ${reason}`, hintOf(error));
      }
      this.drop(batch, 'refused');
      return;
    }
    this.queue.putBack(batch);
    this.counts.retries++;
    if (this.loggedFailures.isNew(reason, now)) {
      logger.warn(`cannot deliver: ${reason}; batches are kept and sent later`, hintOf(error));
    }
    this.failure = reason;
    // One pause is enough when several batches fail at the same time.
    if (now < this.notBeforeMs) return;
    const { retryAfterMs = 0 } = error as Partial<DeliveryError>;
    const asked = Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS);
    const pauseMs = this.backoff.next() * (0.75 + Math.random() / 2);
    this.notBeforeMs = now + Math.max(asked, pauseMs);
  }

  private drop(batch: QueuedBatch, reason: DropReason): void {
    this.queue.remove(batch);
    this.counts.drop(reason, batch.points);
    this.lost(batch.points);
  }

  private wakeAt(delayMs: number): void {
    this.cancelTimer?.();
    if (this.isPaused) return;
    this.cancelTimer = this.services.timers.after(Math.max(1, delayMs), () => this.pump());
  }
}

/** By its shape, so that an error of another copy of this package counts too. */
export function isDeliveryError(error: unknown): error is DeliveryError {
  return typeof (error as Partial<DeliveryError> | undefined)?.isPermanent === 'boolean';
}

/** What went wrong, with the cause that `fetch` hides. */
function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  return error instanceof TypeError && cause !== undefined ? messageOf(cause) : messageOf(error);
}

function hintOf(error: unknown): Record<string, unknown> {
  const { hint } = error as { hint?: unknown };
  return typeof hint === 'string' ? { hint } : {};
}
