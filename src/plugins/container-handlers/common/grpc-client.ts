import { createRequire } from 'node:module';
import { connect } from 'node:net';
import type { ChannelOptions, Client, Metadata, ServiceError } from '@grpc/grpc-js';
import { messageOf } from '../../../kernel/contracts/index.js';
import { connectFailure, EngineError } from './engine-error.js';
import type { Message } from './wire.js';

/** Engines send 16 MiB at most; what is larger comes from something else. */
const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;

/** Refusals of a gRPC service that callers treat apart. */
export const GRPC_NOT_FOUND = 5;
/** The service or its method is not there. */
export const GRPC_UNIMPLEMENTED = 12;

const CANCELLED = 1;
const UNKNOWN = 2;
const DEADLINE_EXCEEDED = 4;
const RESOURCE_EXHAUSTED = 8;
const INTERNAL = 13;
const UNAVAILABLE = 14;
/** `connectivityState.READY` of the library, which is loaded when it is needed. */
const READY = 2;

/** A method of a gRPC service. */
export interface Method<Q, A> {
  /** `/package.Service/Method` */
  readonly path: string;
  /** What it is called in messages: `the list of containers`. */
  readonly what: string;
  readonly request: Message<Q>;
  readonly answer: Message<A>;
}

export interface CallOptions {
  /** Sent beside the request, such as the namespace. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Calls to one gRPC service behind a unix socket. */
export interface GrpcClient {
  call<Q, A>(method: Method<Q, A>, request: Partial<Q>, options?: CallOptions): Promise<A>;
  /**
   * Calls a method with a streamed answer.
   * @param onMessage called with each message; one that cannot be read goes to `onGarbage`, or without it ends the call
   * @param options.endless whether the stream may take as long as it wants; else all of it must come in time
   * @returns settles when the stream has ended
   */
  stream<Q, A>(
    method: Method<Q, A>,
    request: Partial<Q>,
    onMessage: (answer: A) => void,
    options?: CallOptions & { readonly endless?: boolean; readonly onGarbage?: (error: EngineError) => void },
  ): Promise<void>;
  /** @returns rejects when the connection that calls use is lost, calls under way or not */
  lost(): Promise<never>;
  /** Ends all calls and closes the connection. */
  close(): void;
}

/**
 * Connects to the socket.
 * @param timeoutMs time limit of the connect, and of each call
 * @throws EngineError when the socket cannot be connected to
 */
export async function connectGrpc(path: string, timeoutMs: number): Promise<GrpcClient> {
  const url = `unix://${path}`;
  // gRPC tells of a failed connect in words only.
  await probe(path, url, timeoutMs);
  const grpc = loadGrpc();
  const options: ChannelOptions = {
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.enable_retries': 0,
    'grpc.enable_http_proxy': 0,
    'grpc.service_config_disable_resolution': 1,
    // A shared one would let a new client wait for the back-off of an earlier one.
    'grpc.use_local_subchannel_pool': 1,
  };
  return new Calls(new grpc.Client(url, grpc.credentials.createInsecure(), options), url, timeoutMs, (entries) => {
    const metadata = new grpc.Metadata();
    for (const [key, value] of Object.entries(entries)) metadata.set(key, value);
    return metadata;
  });
}

/** Loaded from its package: the bundle of the agent has an empty module in place of what dockerode imports and does not use. */
function loadGrpc(): typeof import('@grpc/grpc-js') {
  return createRequire(import.meta.url)('@grpc/grpc-js');
}

function probe(path: string, url: string, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new EngineError(`${url} does not accept connections (waited ${timeoutMs} ms)`, undefined));
    }, timeoutMs);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.destroy();
      resolve();
    });
    socket.once('error', (error) => {
      clearTimeout(timer);
      reject(new EngineError(`${url}: ${connectFailure(error) ?? messageOf(error)}`, undefined, error));
    });
  });
}

const asIs = (bytes: Buffer): Buffer => bytes;

class Calls implements GrpcClient {
  private readonly running = new Set<{ cancel(): void }>();

  constructor(
    private readonly client: Client,
    private readonly url: string,
    private readonly timeoutMs: number,
    private readonly metadata: (entries: Readonly<Record<string, string>>) => Metadata,
  ) {}

  call<Q, A>(method: Method<Q, A>, request: Partial<Q>, options: CallOptions = {}): Promise<A> {
    return new Promise((resolve, reject) => {
      const bytes = Buffer.from(method.request.encode(request));
      const metadata = this.metadata(options.metadata ?? {});
      const deadline = { deadline: Date.now() + this.timeoutMs };
      const done = (error: ServiceError | null, answer?: Buffer): void => {
        this.running.delete(call);
        const decoded = error === null ? this.decode(method, answer ?? Buffer.alloc(0)) : this.explain(method, error);
        if (decoded instanceof EngineError) reject(decoded);
        else resolve(decoded);
      };
      const call = this.client.makeUnaryRequest(method.path, asIs, asIs, bytes, metadata, deadline, done);
      this.running.add(call);
    });
  }

  stream<Q, A>(
    method: Method<Q, A>,
    request: Partial<Q>,
    onMessage: (answer: A) => void,
    options: CallOptions & { readonly endless?: boolean; readonly onGarbage?: (error: EngineError) => void } = {},
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const bytes = Buffer.from(method.request.encode(request));
      const metadata = this.metadata(options.metadata ?? {});
      const deadline = options.endless === true ? {} : { deadline: Date.now() + this.timeoutMs };
      const stream = this.client.makeServerStreamRequest(method.path, asIs, asIs, bytes, metadata, deadline);
      this.running.add(stream);
      const fail = (error: EngineError): void => {
        stream.cancel();
        reject(error);
      };
      stream.on('data', (answer: Buffer) => {
        const decoded = this.decode(method, answer);
        if (!(decoded instanceof EngineError)) onMessage(decoded);
        else if (options.onGarbage === undefined) fail(decoded);
        else options.onGarbage(decoded);
      });
      stream.once('close', () => this.running.delete(stream));
      stream.once('end', resolve);
      // Cancelling is an error of its own, which may come after the promise was settled.
      stream.on('error', (error) => reject(this.explain(method, error as ServiceError)));
    });
  }

  lost(): Promise<never> {
    const channel = this.client.getChannel();
    return new Promise((_, reject) => {
      const watch = (): void => {
        const state = channel.getConnectivityState(false);
        if (state !== READY) reject(new EngineError(`${this.url} closed the connection`, undefined));
        else channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, watch);
      };
      watch();
    });
  }

  close(): void {
    // The client would wait for them.
    for (const call of this.running) call.cancel();
    this.client.close();
  }

  private decode<Q, A>(method: Method<Q, A>, answer: Buffer): A | EngineError {
    try {
      return method.answer.decode(answer);
    } catch (error) {
      const reason = messageOf(error);
      return new EngineError(`${this.url} answered ${method.what} with something else: ${reason}`, UNKNOWN, error);
    }
  }

  private explain(method: Method<unknown, unknown>, error: ServiceError): EngineError {
    const { code, details } = error;
    const say = (text: string, status?: number): EngineError => new EngineError(`${this.url} ${text}`, status, error);
    if (code === DEADLINE_EXCEEDED) return say(`did not answer about ${method.what} within ${this.timeoutMs} ms`);
    if (code === CANCELLED) return say('closed the connection');
    if (code === RESOURCE_EXHAUSTED) return say(`answered ${method.what} with too much: ${details}`, code);
    if (code === UNAVAILABLE || (code === INTERNAL && /protocol|HTTP/i.test(details))) {
      return say(`does not answer as a gRPC service: ${details}`);
    }
    return say(`refused ${method.what} (gRPC status ${code}): ${details}`, code);
  }
}
