import type { Duplex } from 'node:stream';
import type { CollectionAccess } from '../../contracts/index.js';
import { type Access, fromWire, type Outcome, type StreamEvent, toWire } from './protocol.js';

/** Maximum unread bytes of a worker that does not read. */
const MAX_UNREAD_BYTES = 256 * 1024;

/** The agent's side of one collection: performs the calls of the isolated plugin to its `access`. */
export class AccessServer {
  private readonly streams = new Map<number, ServedStream>();

  constructor(
    private readonly access: CollectionAccess,
    private readonly send: (stream: number, event: StreamEvent) => void,
  ) {}

  serve(number: number, what: Access, answer: (outcome: Outcome) => void): void {
    this.perform(number, what).then(
      (value) => answer({ value }),
      (error: unknown) => answer({ error: toWire(error) }),
    );
  }

  happened(stream: number, event: StreamEvent): void {
    this.streams.get(stream)?.happened(event);
  }

  /** Closes what the collection left open. */
  close(): void {
    for (const stream of this.streams.values()) stream.close();
    this.streams.clear();
  }

  private async perform(number: number, what: Access): Promise<unknown> {
    if (what.method === 'fetch') return this.access.fetch(what.request);
    if (what.method === 'readFile') return this.access.readFile(what.path);
    const socket = await this.access.connect(what.endpoint);
    // A connection is identified by the number of the request that opened it.
    this.streams.set(number, new ServedStream(socket, (event) => this.send(number, event)));
    return number;
  }
}

class ServedStream {
  private unread = 0;

  constructor(
    private readonly socket: Duplex,
    send: (event: StreamEvent) => void,
  ) {
    let failure: unknown;
    socket.on('data', (bytes: Buffer) => {
      send({ event: 'data', bytes });
      this.unread += bytes.length;
      if (this.unread > MAX_UNREAD_BYTES) socket.pause();
    });
    socket.on('end', () => send({ event: 'end' }));
    socket.on('error', (error) => {
      failure = error;
    });
    socket.on('close', () =>
      send(failure === undefined ? { event: 'close' } : { event: 'close', error: toWire(failure) }),
    );
  }

  happened(what: StreamEvent): void {
    if (what.event === 'data') this.socket.write(what.bytes);
    else if (what.event === 'end') this.socket.end();
    else if (what.event === 'close') this.socket.destroy(what.error === undefined ? undefined : fromWire(what.error));
    else {
      this.unread -= what.bytes;
      if (this.unread <= MAX_UNREAD_BYTES && this.socket.isPaused()) this.socket.resume();
    }
  }

  close(): void {
    this.socket.destroy();
  }
}
