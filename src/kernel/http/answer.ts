import type { OutgoingHttpHeaders } from 'node:http';
import { ByteWriter } from '../contracts/bytes/index.js';
import { type Answer, type AnswerBody, Slices, type StreamedAnswer } from '../contracts/index.js';
import type { Exchange } from './exchange.js';

export type PluginCall = <T>(what: string, call: () => T) => T;

/** Approximate size of the chunks in which an answer is sent. */
const CHUNK_BYTES = 64 * 1024;
/** Time after which producing an answer yields to the event loop, however little or much was written. */
const SLICE_MS = 2;
/** Larger buffers are not kept in the pool. */
const MAX_POOLED_BYTES = 1024 * 1024;
const MAX_POOLED_WRITERS = 8;

/** Reuses the buffers of finished answers. */
export class WriterPool {
  private readonly free: ByteWriter[] = [];

  take(): ByteWriter {
    return this.free.pop() ?? new ByteWriter(CHUNK_BYTES + 16 * 1024);
  }

  release(writer: ByteWriter): void {
    if (writer.buffer.length > MAX_POOLED_BYTES || this.free.length >= MAX_POOLED_WRITERS) return;
    writer.length = 0;
    this.free.push(writer);
  }
}

class Production {
  done = false;
  private readonly slices = new Slices(SLICE_MS);
  private steps: Generator<void, void, void> | undefined;
  private started = false;

  constructor(
    private readonly body: AnswerBody,
    private readonly call: PluginCall,
  ) {}

  /** Produces until a chunk is full or the body is complete, yielding to the event loop in between. */
  async fill(out: ByteWriter, exchange: Exchange): Promise<void> {
    while (!this.done && out.length < CHUNK_BYTES && !exchange.gone) {
      this.call('body', () => {
        do this.step(out);
        while (!this.done && out.length < CHUNK_BYTES && !this.slices.isOver());
      });
      // Also between chunks: a socket that takes them at once would block all others.
      if (this.slices.isOver()) {
        await this.slices.pause();
        if (!exchange.response.headersSent) exchange.checkTime();
      }
    }
  }

  /** Lets the generator clean up when the answer is abandoned. */
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
 * Sends an answer. A body that fits into one chunk is sent with its length; a larger one is streamed at the client's pace.
 * @throws what the plugin threw, even after the head was sent: the answer is then incomplete
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
      await production.fill(out, exchange);
    }
    if (exchange.gone) return;
    reusable = await exchange.end(out.buffer.subarray(0, out.length));
  } finally {
    production.close();
    if (reusable) writers.release(out);
  }
}

function writeHead(exchange: Exchange, answer: Answer, length: number | undefined): void {
  const headers: OutgoingHttpHeaders = { 'Content-Type': answer.contentType ?? 'application/json', ...answer.headers };
  // The length of a 304 would be that of the body that is not sent.
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
  // The rest of a rejected body would be parsed as the next request.
  if (status === 408 || status === 413) headers.Connection = 'close';
  exchange.response.writeHead(status, headers);
  await exchange.end(body);
}

const REDIRECT_TEXT: Record<301 | 307, string> = { 301: 'Moved Permanently', 307: 'Temporary Redirect' };

/** Sends a redirect with the body that Go's `http.Redirect` writes for the method, as cAdvisor answers. */
export async function redirect(exchange: Exchange, status: 301 | 307, location: string): Promise<void> {
  const { method, response } = exchange;
  const hasBody = method === 'GET';
  const contentType = hasBody || method === 'HEAD' ? { 'Content-Type': 'text/html; charset=utf-8' } : {};
  response.writeHead(status, { Location: location, ...contentType });
  const href = location.replaceAll('&', '&amp;').replaceAll('"', '&#34;');
  await exchange.end(hasBody ? Buffer.from(`<a href="${href}">${REDIRECT_TEXT[status]}</a>.\n\n`) : undefined);
}

/** Sends 204, the answer to a CORS preflight. */
export async function sendNoContent(exchange: Exchange): Promise<void> {
  exchange.response.writeHead(204);
  await exchange.end();
}

/** Idle time before TCP keep-alive probes begin. */
const KEEP_ALIVE_DELAY_MS = 30_000;

/**
 * Sends a streamed answer until it ends, the client goes away or the agent stops.
 * @throws what the plugin threw: the answer is then incomplete
 */
export async function sendStream(exchange: Exchange, answer: StreamedAnswer, call: PluginCall): Promise<void> {
  const iterator = call('stream', () => answer.stream[Symbol.asyncIterator]());
  const interruption = new Interruption(exchange.signal);
  try {
    call('head', () => writeStreamHead(exchange, answer));
    while (exchange.method !== 'HEAD') {
      const step = await interruption.orValue(call('stream', () => iterator.next()));
      if (step === undefined || step.done === true) break;
      const { value } = step;
      if (!(await exchange.write(typeof value === 'string' ? Buffer.from(value) : asBuffer(value)))) return;
    }
    await exchange.end();
  } finally {
    // Not awaited: the answer is complete whatever the plugin has left to clean up.
    call('stream', () => iterator.return?.())?.catch(() => {});
  }
}

function writeStreamHead(exchange: Exchange, { status, contentType, headers }: StreamedAnswer): void {
  const { request, response } = exchange;
  response.writeHead(status ?? 200, { ...(contentType !== undefined && { 'Content-Type': contentType }), ...headers });
  response.flushHeaders();
  request.socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Ends waits early. `Promise.race` with one long-lived promise would leak a reaction for every chunk. */
class Interruption {
  private wake: (() => void) | undefined;

  constructor(private readonly signal: AbortSignal) {
    signal.addEventListener('abort', () => this.wake?.(), { once: true });
  }

  /** The promise's value, or `undefined` as soon as the signal is aborted. */
  orValue<T>(promise: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      this.wake = () => resolve(undefined);
      promise.then(resolve, reject);
      if (this.signal.aborted) this.wake();
    });
  }
}
