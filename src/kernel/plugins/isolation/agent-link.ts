import type { Duplex } from 'node:stream';
import type { AppAnswer, CollectionAccess } from '../../contracts/index.js';
import { type Access, type Call, fromWire, type Outcome, type StreamEvent, type ToAgent } from './protocol.js';
import { asBuffer, WireStream } from './wire-stream.js';

type CollectCall = Extract<Call, { method: 'collect' }>;

interface Waiting {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** Pending requests of the worker to the agent, and connections through it. */
export class AgentLink {
  private readonly waiting = new Map<number, Waiting>();
  private readonly streams = new Map<number, WireStream>();
  private next = 0;

  constructor(private readonly send: (message: ToAgent) => void) {}

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
    const ask = async <T>(what: Access) => (await this.ask(call, what)) as T;
    return {
      container,
      now,
      limits,
      signal,
      async fetch(request) {
        const answer = await ask<AppAnswer>({ method: 'fetch', request });
        return { ...answer, body: asBuffer(answer.body) };
      },
      readFile: async (path) => asBuffer(await ask<Uint8Array>({ method: 'readFile', path })),
      connect: async (endpoint) => this.open(await ask<number>({ method: 'connect', endpoint })),
    };
  }

  private ask(call: number, what: Access): Promise<unknown> {
    const access = ++this.next;
    return new Promise((resolve, reject) => {
      this.waiting.set(access, { resolve, reject });
      this.send({ type: 'access', access, call, what });
    });
  }

  private open(stream: number): Duplex {
    const opened = new WireStream((what) => this.send({ type: 'stream', stream, what }));
    this.streams.set(stream, opened);
    opened.once('close', () => this.streams.delete(stream));
    return opened;
  }
}
