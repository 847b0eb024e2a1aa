import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

/** Takes what StatsD takes, and nothing else: lines of gauges, by name and tags. */
export class StatsdServer {
  readonly gauges = new Map<string, number>();
  readonly problems: string[] = [];
  sizes: number[] = [];

  private constructor(private readonly socket: Socket) {
    socket.on('message', (message) => {
      this.sizes.push(message.length);
      for (const line of message.toString().split('\n')) this.take(line);
    });
  }

  static async listen(): Promise<StatsdServer> {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new StatsdServer(socket);
  }

  get port(): number {
    return this.socket.address().port;
  }

  async close(): Promise<void> {
    this.socket.close();
    await once(this.socket, 'close');
  }

  private take(line: string): void {
    const parsed = /^([\w.-]+):([-+]?\d+(?:\.\d+)?(?:e[-+]\d+)?)\|g((?:\|#[^|#]+)?)$/.exec(line);
    if (parsed === null) this.problems.push(line);
    else {
      const [, name, value, tags] = parsed as unknown as [string, string, string, string];
      const key = `${name}${tags}`;
      const isRelative = /^[-+]/.test(value);
      this.gauges.set(key, isRelative ? (this.gauges.get(key) ?? 0) + Number(value) : Number(value));
    }
  }
}
