import { pipeline } from 'node:stream';
import type { CollectionAccess } from '../../contracts/index.js';
import type { Access, StreamEvent } from './protocol.js';
import { WireStream } from './wire-stream.js';

/** The agent's side of one collection: performs the calls of the isolated plugin to its `access`. */
export class AccessServer {
  private readonly streams = new Map<number, WireStream>();

  constructor(
    private readonly access: CollectionAccess,
    private readonly send: (stream: number, event: StreamEvent) => void,
  ) {}

  async perform(number: number, what: Access): Promise<unknown> {
    if (what.method === 'fetch') return this.access.fetch(what.request);
    if (what.method === 'readFile') return this.access.readFile(what.path);
    const socket = await this.access.connect(what.endpoint);
    // A connection is identified by the number of the request that opened it.
    const stream = new WireStream((event) => this.send(number, event));
    this.streams.set(number, stream);
    pipeline(socket, stream, socket, () => {});
    return number;
  }

  happened(stream: number, event: StreamEvent): void {
    this.streams.get(stream)?.happened(event);
  }

  /** Closes what the collection left open. */
  close(): void {
    for (const stream of this.streams.values()) stream.destroy();
    this.streams.clear();
  }
}
