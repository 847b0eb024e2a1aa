import { Duplex } from 'node:stream';
import { fromWire, type StreamEvent, toWire } from './protocol.js';

/** Bytes that the other end has not read, from which on it is sent no more. */
const MAX_UNREAD_BYTES = 256 * 1024;

/** One end of a connection between the processes. */
export class WireStream extends Duplex {
  /** Bytes received and not read. */
  private unread = 0;
  /** Bytes sent and not read at the other end. */
  private unacknowledged = 0;
  private written: () => void = () => {};

  constructor(private readonly tell: (what: StreamEvent) => void) {
    super();
    // An error that nobody listens for must not end the process.
    this.on('error', () => {});
  }

  happened(what: StreamEvent): void {
    if (what.event === 'data') {
      this.unread += what.bytes.length;
      if (this.push(asBuffer(what.bytes))) this._read();
    } else if (what.event === 'ack') {
      this.unacknowledged -= what.bytes;
      if (this.unacknowledged <= MAX_UNREAD_BYTES) this.written();
    } else if (what.event === 'end') this.push(null);
    else this.destroy(what.error === undefined ? undefined : fromWire(what.error));
  }

  override _read(): void {
    if (this.unread === 0) return;
    this.tell({ event: 'ack', bytes: this.unread });
    this.unread = 0;
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.tell({ event: 'data', bytes });
    this.unacknowledged += bytes.length;
    this.written = () => {
      this.written = () => {};
      done();
    };
    if (this.unacknowledged <= MAX_UNREAD_BYTES) this.written();
  }

  override _final(done: () => void): void {
    this.tell({ event: 'end' });
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.tell(error === null ? { event: 'close' } : { event: 'close', error: toWire(error) });
    done(error);
  }
}

/** A view of bytes that came from the other process. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
