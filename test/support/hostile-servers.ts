import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';

/** A server on a loopback address of its own that says what a test wants, byte by byte. */
export class HostileServer {
  /** Connections so far. */
  connections = 0;
  private readonly sockets = new Set<Socket>();

  private constructor(
    readonly host: string,
    private readonly server: Server,
  ) {}

  static async start(host: string, behave: (socket: Socket) => void): Promise<HostileServer> {
    const server = createTcpServer();
    const hostile = new HostileServer(host, server);
    server.on('connection', (socket) => {
      hostile.connections++;
      hostile.sockets.add(socket);
      socket.on('error', () => {}).on('close', () => hostile.sockets.delete(socket));
      behave(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, host, resolve));
    return hostile;
  }

  get port(): number {
    return (this.server.address() as { port: number }).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** Answers every request with the same bytes. */
export function answering(head: string, body: Buffer | string = ''): (socket: Socket) => void {
  const answer = Buffer.concat([Buffer.from(head.replaceAll('\n', '\r\n')), Buffer.from(body)]);
  return (socket) => socket.once('data', () => socket.end(answer));
}

/** An answer of status 200. */
export function ok(body: Buffer | string, headers = ''): (socket: Socket) => void {
  return answering(
    `HTTP/1.1 200 OK\nconnection: close\ncontent-length: ${Buffer.byteLength(body)}\n${headers}\n`,
    body,
  );
}

/** Goes on writing for as long as it is read. */
export function endless(head: string, chunk: string): (socket: Socket) => void {
  return (socket) =>
    socket.once('data', () => {
      const more = (): void => {
        while (!socket.destroyed && socket.write(chunk)) {}
      };
      socket.on('drain', more).write(head.replaceAll('\n', '\r\n'));
      more();
    });
}

/** 1 GiB of zeros in about a megabyte. */
export function gzipBomb(): Buffer {
  const zeros = gzipSync(Buffer.alloc(64 * 1024 * 1024));
  return Buffer.concat(Array.from({ length: 16 }, () => zeros));
}
