import { ByteWriter, quoteJson } from '../../kernel/contracts/bytes/index.js';
import type { ContainerEvent, Logger } from '../../kernel/contracts/index.js';

/** Maximum number of queued events of one client. */
const MAX_WAITING = 1000;
/** Approximate size of chunks for a client that is behind. */
const PIECE = 16 * 1024;
const REPORT_PAUSE_MS = 60_000;

/** Warns at most once a minute about clients that do not keep up. */
export class SlowReaders {
  private unreported = 0;
  private reportedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly logger: Logger) {}

  ended(): void {
    this.unreported++;
    const now = performance.now();
    if (now - this.reportedAt < REPORT_PAUSE_MS) return;
    this.logger.warn(`event streams end because their clients do not read: ${MAX_WAITING} events were waiting`, {
      streams: this.unreported,
    });
    this.unreported = 0;
    this.reportedAt = now;
  }
}

/** Serializes an event once for all clients, which are notified one after the other. */
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
 * The lines of one stream, with a queue for a slow client. When the queue is full, the stream accepts no more lines,
 * sends the queued ones and ends.
 */
export class EventStream implements AsyncIterableIterator<Buffer, undefined> {
  private waiting: Buffer[] = [];
  private pending: ((step: Step) => void) | undefined;
  private ended = false;

  /**
   * @param onEnd called once when the stream accepts no more events, for any reason
   * @param onOverflow called when the client was too slow
   */
  constructor(
    private readonly onEnd: () => void,
    private readonly onOverflow: () => void,
  ) {}

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
    if (this.waiting.length > 0) return Promise.resolve({ value: this.takeChunk() });
    if (this.ended) return Promise.resolve(END);
    return new Promise((resolve) => {
      this.pending = resolve;
    });
  }

  return(): Promise<Step> {
    this.close();
    this.waiting = [];
    return Promise.resolve(END);
  }

  /** Accepts no more events; queued ones are still sent. */
  close(): void {
    if (this.ended) return;
    this.ended = true;
    this.onEnd();
    this.settle(END);
  }

  private takeChunk(): Buffer {
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

export function writeEvent(out: ByteWriter, event: ContainerEvent): void {
  out.ascii('{"container_name":');
  out.string(event.containerName);
  out.ascii(',"timestamp":');
  out.time(event.time, event.timeExtraNs);
  out.text(`,"event_type":"${event.type}","event_data":${eventData(event)}}`);
}

function eventData({ type, oom, exitCode }: ContainerEvent): string {
  if (exitCode !== undefined) return `{"container_deletion":{"exit_code":${exitCode}}}`;
  // cAdvisor names the process in one of the two events only.
  if (oom === undefined || type === 'oom') return '{}';
  const constraint = oom.constraint === undefined ? '' : `,"constraint":${quoteJson(oom.constraint)}`;
  return `{"oom":{"pid":${oom.pid},"process_name":${quoteJson(oom.processName)}${constraint}}}`;
}
