import type { IncomingMessage, ServerResponse } from 'node:http';
import { badRequest, isRequestError, RequestError } from '../contracts/index.js';

const MAX_BODY_BYTES = 64 * 1024;

/** One request and its response: time limit, cancellation and body, independent of the handler. */
export class Exchange {
  path = '/';
  query = '';
  /** The URL prefix, `/pre` or nothing. */
  basePath = '';
  /** True for a client with valid credentials, or on a unix socket, where the file's mode decides. */
  authenticated = false;
  /** True when the client disconnected before the answer was complete. */
  gone = false;
  readonly startedAt = performance.now();
  private abort: AbortController | undefined;
  private cancelled: RequestError | undefined;
  private body: Promise<string> | undefined;
  private readingBody = false;
  private wake: (() => void) | undefined;
  private interrupt: ((reason: RequestError) => void) | undefined;

  /** @param timeLimit in ms until the answer begins, and without progress while it is sent */
  constructor(
    readonly request: IncomingMessage,
    readonly response: ServerResponse,
    private readonly timeLimit: number,
  ) {
    response.once('close', () => {
      if (response.writableFinished) return;
      const reason = badRequest('the client went away');
      this.gone = true;
      this.wake?.();
      this.interrupt?.(reason);
      this.cancel(reason);
    });
  }

  /** Aborted when the client disconnects, the time limit passes or the agent stops. */
  get signal(): AbortSignal {
    if (this.abort === undefined) {
      this.abort = new AbortController();
      if (this.cancelled !== undefined) this.abort.abort(this.cancelled);
    }
    return this.abort.signal;
  }

  get method(): string {
    return this.request.method ?? 'GET';
  }

  /** Aborts work for this request. An answer that is being sent continues. */
  cancel(reason: RequestError): void {
    this.cancelled ??= reason;
    this.abort?.abort(reason);
  }

  /** @throws RequestError 503 when the answer should have begun by now */
  checkTime(): void {
    if (performance.now() - this.startedAt > this.timeLimit) throw this.overdue();
  }

  /** Waits for the promise until the request's time limit or the client disconnects. @throws RequestError 503, 408 */
  async withinLimit<T>(promise: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<never>((_, reject) => {
      const remaining = this.startedAt + this.timeLimit - performance.now();
      timer = setTimeout(() => reject(this.overdue()), Math.max(0, remaining));
      this.interrupt = reject;
    });
    try {
      return await Promise.race([promise, limit]);
    } catch (error) {
      if (isRequestError(error)) this.cancel(error);
      throw error;
    } finally {
      clearTimeout(timer);
      this.interrupt = undefined;
    }
  }

  /** The whole body as text. @throws RequestError 413, 408 */
  text(): Promise<string> {
    if (this.body === undefined) {
      this.body = this.readBody();
      // A handler that does not await the body must not cause an unhandled rejection.
      this.body.catch(() => {});
    }
    return this.body;
  }

  /**
   * Writes bytes and waits until they have left the process.
   * @returns false when the client has disconnected; the buffer may then still be in use
   */
  write(bytes: Buffer): Promise<boolean> {
    return this.untilFlushed((done) => this.response.write(bytes, done));
  }

  /** Like `write`, for the last (or only) chunk. */
  end(bytes?: Buffer): Promise<boolean> {
    return this.untilFlushed((done) => {
      if (bytes === undefined || this.method === 'HEAD') this.response.end(done);
      else this.response.end(bytes, done);
    });
  }

  /** Closes the connection: the only way to signal that an answer is incomplete once it has begun. */
  destroy(): void {
    this.request.socket.destroy();
  }

  private untilFlushed(send: (done: (error?: Error | null) => void) => void): Promise<boolean> {
    if (this.gone) return Promise.resolve(false);
    const { socket } = this.request;
    // A client that reads nothing for this long is disconnected; progress restarts the timer.
    socket.setTimeout(this.timeLimit);
    return new Promise((resolve) => {
      this.wake = () => resolve(false);
      send((error) => {
        this.wake = undefined;
        if (!this.response.writableFinished) socket.setTimeout(0);
        resolve(!error);
      });
    });
  }

  private overdue(): RequestError {
    const seconds = this.timeLimit / 1000;
    return this.readingBody
      ? new RequestError(408, `the request body did not arrive within ${seconds} s`)
      : new RequestError(503, `no answer within ${seconds} s`);
  }

  private readBody(): Promise<string> {
    const { request } = this;
    const { headers } = request;
    if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) {
      return Promise.resolve('');
    }
    const tooLarge = new RequestError(413, `the request body is larger than ${MAX_BODY_BYTES} bytes`);
    if (Number(headers['content-length'] ?? 0) > MAX_BODY_BYTES) return Promise.reject(tooLarge);
    if (this.signal.aborted) return Promise.reject(this.signal.reason);
    this.readingBody = true;
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let length = 0;
      const take = (chunk: Buffer): void => {
        length += chunk.length;
        chunks.push(chunk);
        if (length > MAX_BODY_BYTES) finish(() => reject(tooLarge));
      };
      const finish = (settle: () => void): void => {
        this.readingBody = false;
        request.off('data', take).off('end', complete).off('error', fail);
        this.signal.removeEventListener('abort', fail);
        request.on('error', () => {}).resume();
        settle();
      };
      const complete = (): void => finish(() => resolve(Buffer.concat(chunks).toString('utf8')));
      const fail = (): void => finish(() => reject(this.signal.reason ?? badRequest('the request body broke off')));
      request.on('data', take).on('end', complete).on('error', fail);
      this.signal.addEventListener('abort', fail);
    });
  }
}
