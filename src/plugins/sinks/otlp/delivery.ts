import { Backoff, type Clock, type Logger, messageOf, TallymanError } from '../../../kernel/contracts/index.js';
import type { OtlpOptions } from './options.js';
import { RequestQueue } from './request-queue.js';
import { readResponse } from './wire.js';

/** Answers after which the same request may succeed later. */
const RETRYABLE = new Set([408, 425, 429, 502, 503, 504]);
const LONGEST_PAUSE = 60_000;
/** Bytes of an answer that are looked at. */
const LONGEST_ANSWER = 4_096;

/** What came of one attempt. */
type Outcome =
  | { readonly kind: 'sent' }
  /** @property after ms that the receiver asks to wait */
  | { readonly kind: 'later'; readonly reason: string; readonly after: number }
  | { readonly kind: 'refused'; readonly reason: string };

/** Sends requests in order; keeps them while the receiver is away, and says what it had to drop. */
export class Delivery {
  private readonly queue: RequestQueue;
  private readonly pauses = new Backoff(1_000, LONGEST_PAUSE);
  /** No attempt before this, monotonic ms. */
  private notBefore = 0;
  private failure: TallymanError | undefined;
  /** Data points dropped since the receiver was last well. */
  private dropped = 0;
  private lastComplaint = '';

  constructor(
    private readonly options: OtlpOptions,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {
    this.queue = new RequestQueue(options.queueSize);
  }

  /** Requests that wait. */
  get waiting(): number {
    return this.queue.length;
  }

  /** Takes a request over, as it is to be sent. */
  add(body: Uint8Array, points: number): void {
    const dropped = this.queue.add({ body, points });
    if (dropped === 0) return;
    if (this.dropped === 0) {
      this.logger.warn(
        `the queue is full (queueSize, ${this.options.queueSize} bytes): the oldest data points are dropped until ${this.options.endpoint} takes them`,
        { dropped },
      );
    }
    this.dropped += dropped;
  }

  /**
   * Sends what waits, until all is sent or the receiver does not take any more.
   * @throws TallymanError when something could not be delivered, also while a pause after that goes on
   */
  async deliver(signal: AbortSignal): Promise<void> {
    if (this.failure !== undefined && this.clock.monotonic() < this.notBefore) throw this.failure;
    for (let next = this.queue.first(); next !== undefined; next = this.queue.first()) {
      const outcome = await this.attempt(next.body, signal);
      if (outcome.kind === 'later') throw this.postpone(outcome.reason, outcome.after);
      if (this.queue.first() === next) this.queue.shift();
      if (outcome.kind === 'refused') throw this.refuse(outcome.reason, next.points);
      this.recovered();
    }
  }

  private postpone(reason: string, after: number): TallymanError {
    const pause = Math.max(after, this.pauses.next() * (0.75 + Math.random() / 2));
    this.notBefore = this.clock.monotonic() + pause;
    this.failure = new TallymanError(`${this.options.endpoint}: ${reason}; what waits is kept and sent later`, {
      hint: 'is there an OTLP receiver for HTTP at this address (option endpoint)?',
    });
    return this.failure;
  }

  private refuse(reason: string, points: number): TallymanError {
    this.dropped += points;
    return new TallymanError(`${this.options.endpoint}: ${reason}; ${points} data points are dropped`);
  }

  private recovered(): void {
    this.pauses.reset();
    if (this.failure !== undefined) this.logger.info(`${this.options.endpoint} takes metrics again`);
    this.failure = undefined;
    if (this.dropped > 0)
      this.logger.warn(`${this.dropped} data points were lost meanwhile`, { dropped: this.dropped });
    this.dropped = 0;
  }

  private async attempt(body: Uint8Array, signal: AbortSignal): Promise<Outcome> {
    const { endpoint, headers, timeout, compression } = this.options;
    try {
      const response = await fetch(endpoint, {
        method: 'POST',
        body: body as Uint8Array<ArrayBuffer>,
        headers: {
          ...headers,
          'Content-Type': 'application/x-protobuf',
          ...(compression === 'gzip' && { 'Content-Encoding': 'gzip' }),
        },
        redirect: 'error',
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeout)]),
      });
      const answer = await firstBytes(response);
      if (response.ok) {
        this.complain(answer);
        return { kind: 'sent' };
      }
      const reason = `${response.status} ${response.statusText}`.trim();
      if (!RETRYABLE.has(response.status)) return { kind: 'refused', reason };
      return { kind: 'later', reason, after: retryAfter(response.headers.get('retry-after')) };
    } catch (error) {
      const { cause } = error as { cause?: unknown };
      return { kind: 'later', reason: messageOf(cause ?? error), after: 0 };
    }
  }

  /** Passes on what the receiver says of a request that it took in part. */
  private complain(answer: Uint8Array): void {
    const partial = readResponse(answer);
    if (partial === undefined) return;
    const complaint = `the receiver left ${partial.rejected} data points out: ${partial.message}`;
    if (complaint !== this.lastComplaint) this.logger.warn(complaint);
    this.lastComplaint = complaint;
  }
}

/** ms of a `Retry-After` header in seconds; 0 when there is none. */
function retryAfter(header: string | null): number {
  const seconds = Number(header);
  return header !== null && Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds * 1000, LONGEST_PAUSE) : 0;
}

async function firstBytes(response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= LONGEST_ANSWER) break;
  }
  return Buffer.concat(chunks);
}
