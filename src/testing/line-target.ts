import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** The answer to a line: text, or a kind of failure. */
export type LineAnswer = string | Uint8Array | 'hang' | 'cut';

/** A server of a line-based protocol (Redis, memcached, …), on a free port of the loopback interface. */
export class LineTarget {
  /** By line, without its end. `*` is the answer to every other line; without it there is none. */
  readonly answers = new Map<string, LineAnswer>();
  /** Lines in the order of arrival. */
  readonly lines: string[] = [];
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  private constructor(answers: Readonly<Record<string, LineAnswer>>) {
    for (const [line, answer] of Object.entries(answers)) this.answers.set(line, answer);
    this.server = createServer((socket) => this.serve(socket));
  }

  static async start(answers: Readonly<Record<string, LineAnswer>> = {}): Promise<LineTarget> {
    const target = new LineTarget(answers);
    await once(target.server.listen(0, '127.0.0.1'), 'listening');
    return target;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    let rest = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split(/\r?\n/);
      rest = lines.pop() ?? '';
      for (const line of lines) this.answer(socket, line);
    });
  }

  private answer(socket: Socket, line: string): void {
    this.lines.push(line);
    const answer = this.answers.get(line) ?? this.answers.get('*');
    if (answer === undefined || answer === 'hang') return;
    if (answer === 'cut') socket.destroy();
    else socket.write(answer);
  }
}
