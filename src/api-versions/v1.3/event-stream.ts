import { ByteWriter } from '../../kernel/contracts/bytes/index.js';
import type { ContainerEvent, Logger } from '../../kernel/contracts/index.js';
import { writeEvent } from './event-writer.js';

/** Events that wait for one client at most. */
const MAX_WAITING = 1000;
/** Bytes sent in one piece, about, to a client that is behind. */
const PIECE = 16 * 1024;
/** Milliseconds in which clients that are too slow are told of at most once. */
const REPORT_PAUSE = 60_000;

/** Says once a minute at most that clients do not keep up. */
export class SlowReaders {
  private untold = 0;
  private toldAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly logger: Logger) {}

  ended(): void {
    this.untold++;
    const now = performance.now();
    if (now - this.toldAt < REPORT_PAUSE) return;
    this.logger.warn(`event streams end because their clients do not read: ${MAX_WAITING} events were waiting`, {
      streams: this.untold,
    });
    this.untold = 0;
    this.toldAt = now;
  }
}

/** Makes the line of an event once for all clients, which share its bytes: an event is told to all of them in turn. */
export class LinePrinter {
  private readonly out = new ByteWriter(1024);
  private event: ContainerEvent | undefined;
  private line = Buffer.alloc(0);

  of(event: ContainerEvent): Buffer {
    if (event !== this.event) {
      const { out } = this;
      out.length = 0;
      writeEvent(out, event);
      out.ascii('\n');
      this.event = event;
      this.line = Buffer.from(out.buffer.subarray(0, out.length));
    }
    return this.line;
  }
}

type Step = IteratorResult<Buffer, undefined>;
const END: Step = { done: true, value: undefined };

/**
 * The lines of one stream in the order in which they came. What its client has not taken yet waits here; when that
 * becomes too much, the stream takes no more, gives what it has and ends.
 */
export class EventStream implements AsyncIterableIterator<Buffer, undefined> {
  private waiting: Buffer[] = [];
  private pending: ((step: Step) => void) | undefined;
  private ended = false;

  /**
   * @param onEnd told once when the stream takes no more events, whoever ended it
   * @param onOverflow told when its client was too slow
   */
  constructor(
    private readonly onEnd: () => void,
    private readonly onOverflow: () => void,
  ) {}

  /** Takes the next line. */
  push(line: Buffer): void {
    if (this.ended) return;
    if (this.pending !== undefined) this.settle({ value: line });
    else if (this.waiting.length < MAX_WAITING) this.waiting.push(line);
    else {
      this.close();
      this.onOverflow();
    }
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Step> {
    if (this.waiting.length > 0) return Promise.resolve({ value: this.takePiece() });
    if (this.ended) return Promise.resolve(END);
    return new Promise((resolve) => {
      this.pending = resolve;
    });
  }

  /** Ends the stream at once. */
  return(): Promise<Step> {
    this.close();
    this.waiting = [];
    return Promise.resolve(END);
  }

  /** Takes no more events; what is waiting is still given. */
  close(): void {
    if (this.ended) return;
    this.ended = true;
    this.onEnd();
    this.settle(END);
  }

  private takePiece(): Buffer {
    let bytes = 0;
    let count = 0;
    while (count < this.waiting.length && bytes < PIECE) bytes += this.waiting[count++]!.length;
    const lines = this.waiting.splice(0, count);
    return lines.length === 1 ? lines[0]! : Buffer.concat(lines, bytes);
  }

  private settle(step: Step): void {
    this.pending?.(step);
    this.pending = undefined;
  }
}
