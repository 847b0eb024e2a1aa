import { createConnection, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { DeliveryError, type HttpOptions, messageOf } from '../../../kernel/contracts/index.js';
import { passwordOf, tlsOptions } from '../common/index.js';
import { type Reply, ReplyError, ReplyReader } from './replies.js';

export interface RedisTarget {
  readonly url: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly passwordFile?: string | undefined;
  readonly tls: HttpOptions['tls'];
  /** ms */
  readonly timeout: number;
}

/** A request that waits for its answers. */
interface Exchange {
  readonly replies: Reply[];
  readonly count: number;
  resolve(): void;
  reject(error: Error): void;
}

/** The bytes of a command. */
export function command(...words: readonly (string | Uint8Array)[]): Buffer {
  const parts: (string | Uint8Array)[] = [`*${words.length}\r\n`];
  for (const word of words) {
    parts.push(`$${Buffer.byteLength(word)}\r\n`, word, '\r\n');
  }
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
}

/** A connection to Redis that is opened when it is needed, and again after a failure. */
export class RedisConnection {
  private socket: Socket | undefined;
  private exchange: Exchange | undefined;

  constructor(private readonly target: RedisTarget) {}

  /**
   * Sends commands and awaits as many answers. Not to be called again before it has settled.
   * @throws DeliveryError when there is no connection or one of the answers is an error
   */
  async send(commands: Uint8Array, count: number, signal: AbortSignal): Promise<void> {
    const limit = AbortSignal.timeout(this.target.timeout);
    const either = AbortSignal.any([signal, limit]);
    const abort = () => {
      this.socket?.destroy(new Error(limit.aborted ? `no answer within ${this.target.timeout} ms` : 'aborted'));
    };
    either.addEventListener('abort', abort);
    try {
      either.throwIfAborted();
      if (this.socket === undefined) await this.open();
      await this.ask(commands, count);
    } catch (error) {
      throw new DeliveryError(`${this.shownUrl} ${messageOf(error)}`, { cause: error });
    } finally {
      either.removeEventListener('abort', abort);
    }
  }

  close(): void {
    this.socket?.destroy();
    this.socket = undefined;
  }

  /** The address without secrets. */
  private get shownUrl(): string {
    const { protocol, host, pathname } = new URL(this.target.url);
    return `${protocol}//${host}${pathname}`;
  }

  private async open(): Promise<void> {
    const { username, url } = this.target;
    const secret = passwordOf(this.target);
    this.socket = this.connect();
    const database = /^rediss?:.*\/(\d+)$/.exec(url)?.[1] ?? '0';
    const greeting = [
      ...(secret === undefined ? [] : [command('AUTH', ...(username === undefined ? [] : [username]), secret)]),
      command('CLIENT', 'SETNAME', 'tallyman'),
      ...(database === '0' ? [] : [command('SELECT', database)]),
    ];
    try {
      await this.ask(Buffer.concat(greeting), greeting.length);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  private connect(): Socket {
    const { url, tls } = this.target;
    const { protocol, hostname, port, pathname } = new URL(url);
    const address = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 6379) };
    const socket =
      protocol === 'unix:'
        ? createConnection(decodeURIComponent(pathname))
        : protocol === 'redis:'
          ? createConnection(address)
          : connectTls({ ...address, servername: address.host, ...tlsOptions(tls) });
    const reader = new ReplyReader();
    socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => {
      try {
        for (const reply of reader.take(bytes)) this.answered(reply);
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
    socket.on('error', (error) => this.failed(socket, error));
    socket.on('close', () => this.failed(socket, new Error('closed the connection')));
    return socket;
  }

  private ask(commands: Uint8Array, count: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.exchange = { replies: [], count, resolve, reject };
      this.socket!.write(commands);
    });
  }

  private answered(reply: Reply): void {
    const { exchange } = this;
    exchange?.replies.push(reply);
    if (exchange === undefined || exchange.replies.length < exchange.count) return;
    this.exchange = undefined;
    const errors = exchange.replies.flat().filter((one) => one instanceof ReplyError);
    // The first error has the reason; later ones only say that the transaction was discarded.
    if (errors.length > 0) exchange.reject(new Error(`answers ${errors[0]!.message}`));
    else exchange.resolve();
  }

  private failed(socket: Socket, error: Error): void {
    if (this.socket !== socket) return;
    this.socket = undefined;
    this.exchange?.reject(error);
    this.exchange = undefined;
  }
}
