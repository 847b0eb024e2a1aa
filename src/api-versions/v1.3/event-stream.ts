import { ByteWriter, type ContainerEvent, type Logger } from '../../kernel/contracts/index.js';
import { writeEvent } from './event-writer.js';

/** Events that wait for one client at most. */
const MAX_WAITING = 1000;
/** Events sent in one piece to a client that is behind. */
const PER_PIECE = 50;
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

/** Makes the line of an event once for all clients: an event is told to all of them in turn. */
export class LinePrinter {
  private readonly out = new ByteWriter(1024);
  private event: ContainerEvent | undefined;
  private line = '';

  of(event: ContainerEvent): string {
    if (event !== this.event) {
      const { out } = this;
      out.length = 0;
      writeEvent(out, event);
      this.event = event;
      this.line = `${out.buffer.toString('utf8', 0, out.length)}\n`;
    }
    return this.line;
  }
}

type Step = IteratorResult<string, undefined>;
const END: Step = { done: true, value: undefined };

/**
 * The lines of one stream in the order in which they came. What its client has not taken yet waits here; when that
 * becomes too much, the stream takes no more, gives what it has and ends.
 */
export class EventStream implements AsyncIterableIterator<string, undefined> {
  private waiting: string[] = [];
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
  push(line: string): void {
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
    if (this.waiting.length > 0) return Promise.resolve({ value: this.waiting.splice(0, PER_PIECE).join('') });
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

  private settle(step: Step): void {
    this.pending?.(step);
    this.pending = undefined;
  }
}
