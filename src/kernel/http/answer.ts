import type { OutgoingHttpHeaders } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Answer, type AnswerBody, ByteWriter } from '../contracts/index.js';
import type { Exchange } from './exchange.js';

/** Runs a call into the plugin that answers. */
export type PluginCall = <T>(what: string, call: () => T) => T;

/** An answer is sent in pieces of about this many bytes. */
const CHUNK = 64 * 1024;
/** Milliseconds of writing after which the event loop gets its turn, however little was written. */
const SLICE = 8;
/** Buffers that grew beyond this are not kept. */
const KEPT_SIZE = 1024 * 1024;
const KEPT_WRITERS = 8;

/** Buffers of finished answers, used again for later ones. */
export class WriterPool {
  private readonly free: ByteWriter[] = [];

  take(): ByteWriter {
    return this.free.pop() ?? new ByteWriter(CHUNK + 16 * 1024);
  }

  give(writer: ByteWriter): void {
    if (writer.buffer.length > KEPT_SIZE || this.free.length >= KEPT_WRITERS) return;
    writer.length = 0;
    this.free.push(writer);
  }
}

/** The body of one answer being produced. */
class Production {
  done = false;
  private steps: Generator<void, void, void> | undefined;
  private started = false;

  constructor(
    private readonly body: AnswerBody,
    private readonly call: PluginCall,
  ) {}

  /** Produces until a piece is full or all is written, letting the event loop run in between. */
  async fill(out: ByteWriter, exchange: Exchange): Promise<void> {
    let since = performance.now();
    while (!this.done && out.length < CHUNK && !exchange.gone) {
      this.call('body', () => this.step(out));
      if (performance.now() - since > SLICE) {
        await nextTurn();
        if (!exchange.response.headersSent) exchange.checkTime();
        since = performance.now();
      }
    }
  }

  /** Lets the generator clean up when its answer is not wanted any more. */
  close(): void {
    if (this.done) return;
    this.done = true;
    this.call('body', () => this.steps?.return());
  }

  private step(out: ByteWriter): void {
    if (!this.started) {
      this.started = true;
      this.steps = this.body(out) ?? undefined;
      if (this.steps === undefined) this.done = true;
      return;
    }
    try {
      this.done = this.steps!.next().done === true;
    } catch (error) {
      this.done = true;
      throw error;
    }
  }
}

/**
 * Sends an answer. What fits into one piece goes out with its length; anything larger is streamed at the client's pace.
 * @throws what the plugin threw, also after the head was sent: then the answer is incomplete
 */
export async function sendAnswer(
  exchange: Exchange,
  answer: Answer,
  call: PluginCall,
  writers: WriterPool,
): Promise<void> {
  const production = new Production(answer.body, call);
  const out = writers.take();
  let reusable = true;
  try {
    await production.fill(out, exchange);
    if (exchange.gone) return;
    call('head', () => writeHead(exchange, answer, production.done ? out.length : undefined));
    if (exchange.method === 'HEAD') {
      await exchange.end();
      return;
    }
    while (!production.done) {
      reusable = await exchange.write(out.buffer.subarray(0, out.length));
      if (!reusable) return;
      out.length = 0;
      // The socket may call back at once: without a turn of the loop a fast client would keep everybody else waiting.
      await nextTurn();
      await production.fill(out, exchange);
    }
    if (exchange.gone) return;
    reusable = await exchange.end(out.buffer.subarray(0, out.length));
  } finally {
    production.close();
    if (reusable) writers.give(out);
  }
}

function writeHead(exchange: Exchange, answer: Answer, length: number | undefined): void {
  const headers: OutgoingHttpHeaders = { 'Content-Type': answer.contentType ?? 'application/json', ...answer.headers };
  // Of an answer that only says "not changed" the length would be that of what is not sent.
  if (length !== undefined && answer.status !== 304) headers['Content-Length'] = length;
  exchange.response.writeHead(answer.status ?? 200, headers);
}

/** Sends a message as one line of plain text. */
export async function sendMessage(exchange: Exchange, status: number, message: string): Promise<void> {
  if (exchange.gone) return;
  const body = Buffer.from(`${message.replace(/[\r\n]+/g, ' ')}\n`);
  const headers: OutgoingHttpHeaders = {
    'Content-Type': 'text/plain; charset=utf-8',
    'X-Content-Type-Options': 'nosniff',
    'Content-Length': body.length,
  };
  // The rest of a refused body would be taken for the next request.
  if (status === 408 || status === 413) headers.Connection = 'close';
  exchange.response.writeHead(status, headers);
  await exchange.end(body);
}
