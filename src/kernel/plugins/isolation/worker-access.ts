import { Duplex } from 'node:stream';
import {
  type AppAnswer,
  type AppContainer,
  type AppEndpoint,
  type AppRequest,
  type CollectionAccess,
  CollectionError,
} from '../../contracts/index.js';
import { type Access, type Call, fromWire, type Outcome, type StreamEvent, type ToAgent, toWire } from './protocol.js';

type Send = (message: ToAgent) => void;
type CollectCall = Extract<Call, { method: 'collect' }>;

interface Waiting {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** Pending requests of the worker to the agent, and connections through it. */
export class AgentLink {
  private readonly waiting = new Map<number, Waiting>();
  private readonly streams = new Map<number, RemoteStream>();
  private next = 0;

  constructor(private readonly send: Send) {}

  answered(access: number, outcome: Outcome): void {
    const waiting = this.waiting.get(access);
    this.waiting.delete(access);
    if ('error' in outcome) waiting?.reject(fromWire(outcome.error));
    else waiting?.resolve(outcome.value);
  }

  happened(stream: number, what: StreamEvent): void {
    this.streams.get(stream)?.happened(what);
  }

  /** The `access` of one collection, closed by `signal`. */
  access(call: number, { container, now, limits }: CollectCall, signal: AbortSignal): CollectionAccess {
    return new RemoteAccess(
      container,
      now,
      limits,
      signal,
      (what) => this.ask(call, what),
      (stream) => this.open(stream),
    );
  }

  private ask(call: number, what: Access): Promise<unknown> {
    const access = ++this.next;
    return new Promise((resolve, reject) => {
      this.waiting.set(access, { resolve, reject });
      this.send({ type: 'access', access, call, what });
    });
  }

  private open(stream: number): Duplex {
    const opened = new RemoteStream((what) => this.send({ type: 'stream', stream, what }));
    this.streams.set(stream, opened);
    opened.once('close', () => this.streams.delete(stream));
    // An error that the plugin does not listen for must not end the process.
    opened.on('error', () => {});
    return opened;
  }
}

class RemoteAccess implements CollectionAccess {
  constructor(
    readonly container: AppContainer,
    readonly now: number,
    readonly limits: CollectionAccess['limits'],
    readonly signal: AbortSignal,
    private readonly ask: (what: Access) => Promise<unknown>,
    private readonly open: (stream: number) => Duplex,
  ) {}

  async fetch(request: AppRequest): Promise<AppAnswer> {
    const answer = (await this.ask({ method: 'fetch', request })) as AppAnswer;
    return { ...answer, body: asBuffer(answer.body) };
  }

  async connect(endpoint: AppEndpoint): Promise<Duplex> {
    return this.open((await this.ask({ method: 'connect', endpoint })) as number);
  }

  async readFile(path: string): Promise<Buffer> {
    return asBuffer((await this.ask({ method: 'readFile', path })) as Uint8Array);
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The worker's end of a connection of the agent. */
class RemoteStream extends Duplex {
  /** Bytes received but not read. */
  private unread = 0;

  constructor(private readonly tell: (what: StreamEvent) => void) {
    super();
  }

  happened(what: StreamEvent): void {
    if (what.event === 'data') this.took(what.bytes);
    else if (what.event === 'end') this.push(null);
    else if (what.event === 'close') this.destroy(what.error === undefined ? undefined : fromWire(what.error));
  }

  override _read(): void {
    if (this.unread === 0) return;
    this.tell({ event: 'ack', bytes: this.unread });
    this.unread = 0;
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.tell({ event: 'data', bytes });
    done();
  }

  override _final(done: () => void): void {
    this.tell({ event: 'end' });
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.tell(error === null ? { event: 'close' } : { event: 'close', error: toWire(error) });
    done(error);
  }

  private took(bytes: Uint8Array): void {
    this.unread += bytes.length;
    if (this.push(asBuffer(bytes))) this._read();
  }
}

/** The reason of an aborted collection. */
export const abortReason = (): CollectionError => new CollectionError('the collection was ended');
