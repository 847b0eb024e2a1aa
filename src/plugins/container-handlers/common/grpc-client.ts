import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { codeOf, messageOf } from '../../../kernel/contracts/index.js';
import { connectFailure, EngineError, requireSocket } from './engine-error.js';
import type { Message } from './wire.js';

/** Engines send 16 MiB at most; what is larger comes from something else. */
const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;

/** `NGHTTP2_CANCEL`; the module is loaded when it is needed. */
const CANCEL = 8;
const OK = 0;
const UNKNOWN = 2;
const RESOURCE_EXHAUSTED = 8;
/** In front of each message: whether it is compressed, and its length. */
const PREFIX_BYTES = 5;
/** What a server may send before it has to wait: lists of a thousand containers have about a MiB. */
const WINDOW_BYTES = 1024 * 1024;
/** MiB; the largest message must fit. */
const SESSION_MEMORY_MIB = 64;

/** A method of a gRPC service. */
export interface Method<Q, A> {
  /** `/package.Service/Method` */
  readonly path: string;
  /** What it is called in messages: `the list of containers`. */
  readonly what: string;
  readonly request: Message<Q>;
  readonly answer: Message<A>;
}

/** The methods below a prefix such as `/runtime.v1.RuntimeService/`. */
export const grpcMethods =
  (prefix: string) =>
  <Q, A>(path: string, what: string, request: Message<Q>, answer: Message<A>): Method<Q, A> => ({
    path: `${prefix}${path}`,
    what,
    request,
    answer,
  });

export interface CallOptions {
  /** Sent beside the request, such as the namespace. */
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface StreamOptions extends CallOptions {
  /** Whether the stream may take as long as it wants; else all of it must come in time. */
  readonly endless?: boolean;
  /** Gets what cannot be read, which ends the call otherwise. */
  readonly onGarbage?: (error: EngineError) => void;
}

/**
 * Connects to the socket. Uses the HTTP/2 of Node: `@grpc/grpc-js` takes 13 MiB more memory and more CPU time per call.
 * @param timeoutMs time limit of the connect, and of each call
 * @throws EngineError when the socket cannot be connected to
 */
export async function connectGrpc(path: string, timeoutMs: number): Promise<GrpcClient> {
  const url = `unix://${path}`;
  requireSocket(path, url);
  const [socket, http2] = await Promise.all([openSocket(path, url, timeoutMs), import('node:http2')]);
  const session = http2.connect('http://localhost', {
    createConnection: () => socket,
    maxSessionMemory: SESSION_MEMORY_MIB,
    settings: { enablePush: false, initialWindowSize: WINDOW_BYTES },
  });
  session.once('connect', () => {
    if (!session.destroyed) session.setLocalWindowSize(WINDOW_BYTES);
  });
  return new GrpcClient(session, url, timeoutMs);
}

function openSocket(path: string, url: string, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new EngineError(`${url} does not accept connections (waited ${timeoutMs} ms)`, undefined));
    }, timeoutMs);
    const failed = (error: Error): void => {
      clearTimeout(timer);
      reject(new EngineError(`${url}: ${connectFailure(error) ?? messageOf(error)}`, undefined, error));
    };
    socket.once('error', failed);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', failed);
      resolve(socket);
    });
  });
}

/** Calls to one gRPC service behind a unix socket. */
export class GrpcClient {
  /** Why no call can be made any more. */
  private failure: EngineError | undefined;
  private readonly lossListeners = new Set<(reason: EngineError) => void>();

  constructor(
    private readonly session: ClientHttp2Session,
    private readonly url: string,
    private readonly timeoutMs: number,
  ) {
    session.on('error', (error) => this.lose(this.notGrpc(error)));
    // The server takes no more calls, though it may answer those under way.
    session.on('goaway', () => this.lose(this.error('closed the connection')));
    session.once('close', () => this.lose(this.error('closed the connection')));
  }

  async call<Q, A>(method: Method<Q, A>, request: Partial<Q>, options: CallOptions = {}): Promise<A> {
    let answer: A | undefined;
    await this.stream(method, request, (message) => (answer ??= message), options);
    if (answer === undefined) throw this.error(`ended ${method.what} without an answer`);
    return answer;
  }

  /** Calls a method with a streamed answer. @returns settles when the stream has ended */
  stream<Q, A>(
    method: Method<Q, A>,
    request: Partial<Q>,
    onMessage: (answer: A) => void,
    options: StreamOptions = {},
  ): Promise<void> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => {
      const headers = {
        ':method': 'POST',
        ':path': method.path,
        'content-type': 'application/grpc',
        te: 'trailers',
        ...options.metadata,
      };
      const stream = this.session.request(headers);
      const settle = (error?: EngineError): void => {
        clearTimeout(timer);
        this.lossListeners.delete(settle);
        if (error === undefined) {
          resolve();
          return;
        }
        reject(error);
        if (!stream.closed) stream.close(CANCEL);
      };
      const timeout = () => settle(this.error(`did not answer about ${method.what} within ${this.timeoutMs} ms`));
      const timer = options.endless === true ? undefined : setTimeout(timeout, this.timeoutMs);
      this.lossListeners.add(settle);
      const take = (bytes: Buffer): void => {
        try {
          onMessage(method.answer.decode(bytes));
        } catch (error) {
          const reason = `answered ${method.what} with something else: ${messageOf(error)}`;
          const garbage = this.error(reason, UNKNOWN, error);
          if (options.onGarbage === undefined) settle(garbage);
          else options.onGarbage(garbage);
        }
      };
      this.listen(stream, method.what, take, settle);
      stream.end(frameOf(method.request.encode(request)));
    });
  }

  /** @returns rejects when the connection that calls use is lost, calls under way or not */
  lost(): Promise<never> {
    return new Promise((_, reject) => {
      if (this.failure !== undefined) reject(this.failure);
      else this.lossListeners.add(reject);
    });
  }

  /** Ends all calls and closes the connection. */
  close(): void {
    this.lose(this.error('closed the connection'));
    this.session.destroy();
  }

  /** Passes on the messages of an answer, and its end. */
  private listen(
    stream: ClientHttp2Stream,
    what: string,
    take: (message: Buffer) => void,
    settle: (error?: EngineError) => void,
  ): void {
    const messages = new MessageSplitter();
    let last: IncomingHttpHeaders | undefined;
    stream.on('response', (headers) => {
      const isGrpc = headers[':status'] === 200 && headers['content-type']?.startsWith('application/grpc') === true;
      if (!isGrpc) settle(this.error(`does not answer as a gRPC service: HTTP status ${headers[':status']}`));
      else if (headers['grpc-status'] !== undefined) last = headers;
    });
    stream.on('trailers', (headers) => {
      last = headers;
    });
    // Trailers may be emitted before the messages in front of them.
    stream.on('end', () => {
      if (last === undefined) return;
      const isCut = messages.pendingBytes > 0 && last['grpc-status'] === '0';
      settle(isCut ? this.error(`broke off ${what} within a message`) : this.refusal(what, last));
    });
    stream.on('data', (chunk: Buffer) => {
      for (const message of messages.push(chunk)) if (!stream.closed) take(message);
      const { problem } = messages;
      if (problem !== undefined) settle(this.error(`answered ${what} with too much: ${problem}`, RESOURCE_EXHAUSTED));
    });
    stream.on('error', (error) => {
      const isOfStream = codeOf(error) === 'ERR_HTTP2_STREAM_ERROR';
      settle(isOfStream ? this.error(`broke off ${what}: ${messageOf(error)}`, undefined, error) : this.notGrpc(error));
    });
    // Its session may report the cause a little later.
    stream.once('close', () => setImmediate(() => settle(this.failure ?? this.error(`broke off ${what}`))));
  }

  /** @returns the refusal in the last headers of an answer, `undefined` when there is none */
  private refusal(what: string, headers: IncomingHttpHeaders): EngineError | undefined {
    const status = Number(headers['grpc-status'] ?? UNKNOWN);
    if (status === OK) return undefined;
    const details = decoded(String(headers['grpc-message'] ?? ''));
    return this.error(`refused ${what} (gRPC status ${status}): ${details}`, status);
  }

  private lose(reason: EngineError): void {
    this.failure ??= reason;
    const listeners = [...this.lossListeners];
    this.lossListeners.clear();
    for (const listener of listeners) listener(this.failure);
    // Without calls nothing keeps the process from going on.
    if (!this.session.closed) this.session.close();
  }

  private notGrpc(error: Error): EngineError {
    return this.error(`does not answer as a gRPC service: ${messageOf(error)}`, undefined, error);
  }

  private error(text: string, status?: number, cause?: unknown): EngineError {
    return new EngineError(`${this.url} ${text}`, status, cause);
  }
}

/** Cuts the bytes of an answer into its messages. */
export class MessageSplitter {
  /** Why the bytes cannot be read. */
  problem: string | undefined;
  private pieces: Buffer[] = [];
  private size = 0;
  /** Bytes of the message that is being read, with its prefix. */
  private wanted = PREFIX_BYTES;

  /** Bytes of a message whose rest has not come. */
  get pendingBytes(): number {
    return this.size;
  }

  /** @returns the messages that this chunk completes */
  push(chunk: Buffer): Buffer[] {
    this.pieces.push(chunk);
    this.size += chunk.length;
    const messages: Buffer[] = [];
    while (this.problem === undefined && this.size >= this.wanted) {
      const bytes = this.pieces.length === 1 ? this.pieces[0]! : Buffer.concat(this.pieces);
      this.pieces = [bytes];
      const length = bytes.readUInt32BE(1);
      this.wanted = PREFIX_BYTES + length;
      if (bytes[0] !== 0) this.problem = 'it is compressed, which was not asked for';
      else if (length > MAX_MESSAGE_BYTES) this.problem = `${length} bytes, of ${MAX_MESSAGE_BYTES} at most`;
      else if (this.size >= this.wanted) {
        messages.push(bytes.subarray(PREFIX_BYTES, this.wanted));
        this.pieces = [bytes.subarray(this.wanted)];
        this.size -= this.wanted;
        this.wanted = PREFIX_BYTES;
      }
    }
    return messages;
  }
}

function frameOf(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, PREFIX_BYTES);
  return frame;
}

/** Text of a status, in which other bytes than printable ASCII are percent-encoded. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
