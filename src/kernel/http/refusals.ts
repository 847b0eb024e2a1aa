import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { codeOf } from '../contracts/index.js';

const MALFORMED: Record<string, readonly [status: number, message: string]> = {
  HPE_HEADER_OVERFLOW: [431, 'the request headers are too large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'the request did not arrive in time'],
};
/** How long the client may read the answer before the connection is closed. */
const LINGER_MS = 1000;

/** Answers on raw connections, for which Node gives no request object. */
export class Refusals {
  private readonly refused = new WeakSet<Socket>();

  /** @param isAnswering whether an answer has begun on the connection: a second one would be read as part of it */
  constructor(private readonly isAnswering: (socket: Socket) => boolean) {}

  /** Answers input that is not a valid HTTP request. */
  malformed(error: Error, socket: Socket): void {
    const code = codeOf(error) ?? '';
    const [status, message] = MALFORMED[code] ?? [400, `malformed HTTP request (${code || error.message})`];
    this.refuse(socket, status, message);
  }

  /** Answers CONNECT, for which Node passes the raw connection. */
  connect(socket: Socket): void {
    this.refuse(socket, 405, 'this is not a proxy');
  }

  private refuse(socket: Socket, status: number, message: string): void {
    if (this.refused.has(socket)) return;
    this.refused.add(socket);
    socket.on('error', () => {});
    if (!socket.writable || this.isAnswering(socket)) {
      socket.destroy();
      return;
    }
    const body = `${message}\n`;
    socket.end(
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: text/plain; charset=utf-8\r\n` +
        `X-Content-Type-Options: nosniff\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    );
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
  }
}
