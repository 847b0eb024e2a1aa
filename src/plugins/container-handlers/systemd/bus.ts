import { connect, type Socket } from 'node:net';
import type { Timers } from '../../../kernel/contracts/index.js';
import { decodeMessage, encodeMessage, MESSAGE_TYPE, type Message, ProtocolError, type Value } from './message.js';

const DAEMON = 'org.freedesktop.DBus';
const MAX_AUTH_BYTES = 4096;
/** The bus refuses more answers owed to one connection than 128. */
const MAX_CALLS = 64;

export interface Call {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  /** Types of the arguments; texts alone are needed here. */
  readonly args?: readonly string[];
}

/** The other side answered a call with an error. */
export class CallError extends Error {
  constructor(
    readonly errorName: string,
    message: string,
  ) {
    super(message);
  }
}

export interface BusOptions {
  readonly path: string;
  /** Whether a bus daemon listens there, or the service manager itself, which has neither names nor matches. */
  readonly isBus: boolean;
  readonly timeoutMs: number;
  readonly timers: Timers;
  /** Gets every signal that the matches let through. */
  onSignal(message: Message): void;
  /** Called once when a connection that was open ends, also by `close`. */
  onEnd(): void;
}

interface Waiting {
  resolve(body: readonly Value[]): void;
  reject(error: Error): void;
  cancelTimeout(): void;
}

/** A connection to a D-Bus socket. The kernel authenticates the agent to the other side. */
export class Bus {
  private readonly socket: Socket;
  private readonly waiting = new Map<number, Waiting>();
  private readonly queue: (() => void)[] = [];
  private received: Buffer = Buffer.alloc(0);
  private authenticated: (() => void) | undefined;
  private lastSerial = 0;
  private isOpen = false;
  private end: Error | undefined;

  private constructor(
    private readonly options: BusOptions,
    private readonly failed: (error: Error) => void,
  ) {
    this.socket = connect(options.path);
    this.socket.unref();
    this.socket.on('connect', () => this.socket.write('\0AUTH EXTERNAL\r\nDATA\r\n'));
    this.socket.on('data', (chunk) => this.receive(chunk));
    this.socket.on('error', (error) => this.finish(error));
    this.socket.on('close', () => this.finish(new Error('the connection was closed')));
  }

  /** @throws Error why there is no connection: a system error, a refusal, no answer in time */
  static async open(options: BusOptions): Promise<Bus> {
    let bus: Bus | undefined;
    let cancelTimeout = () => {};
    try {
      await new Promise<void>((resolve, reject) => {
        bus = new Bus(options, reject);
        bus.authenticated = resolve;
        const tooLate = () => reject(new Error(`no answer within ${options.timeoutMs} ms`));
        cancelTimeout = options.timers.after(options.timeoutMs, tooLate);
      });
      if (options.isBus) await bus!.callDaemon('Hello');
      bus!.isOpen = true;
      return bus!;
    } catch (error) {
      bus?.socket.destroy();
      throw error;
    } finally {
      cancelTimeout();
    }
  }

  /** Has signals sent to us. Without a bus daemon all are. @param rule as `busctl monitor --match` takes it */
  async match(rule: string): Promise<void> {
    if (this.options.isBus) await this.callDaemon('AddMatch', rule);
  }

  /** @throws CallError, or Error when the connection ends or no answer comes in time */
  call({ args = [], ...call }: Call): Promise<readonly Value[]> {
    return new Promise((resolve, reject) => {
      const send = () => {
        if (this.end !== undefined) return reject(this.end);
        const serial = ++this.lastSerial;
        const tooLate = () => this.settle(serial)?.reject(new Error(`no answer within ${this.options.timeoutMs} ms`));
        const cancelTimeout = this.options.timers.after(this.options.timeoutMs, tooLate);
        this.waiting.set(serial, { resolve, reject, cancelTimeout });
        const { destination, ...direct } = call;
        const header = this.options.isBus ? { ...direct, destination } : direct;
        this.socket.write(
          encodeMessage({ type: MESSAGE_TYPE.call, serial, ...header, body: args }, 's'.repeat(args.length)),
        );
      };
      if (this.waiting.size < MAX_CALLS) send();
      else this.queue.push(send);
    });
  }

  close(): void {
    this.finish(new Error('the connection was closed by us'));
  }

  private callDaemon(member: string, ...args: string[]): Promise<readonly Value[]> {
    return this.call({ destination: DAEMON, path: '/org/freedesktop/DBus', interface: DAEMON, member, args });
  }

  private receive(chunk: Buffer): void {
    this.received = this.received.length === 0 ? chunk : Buffer.concat([this.received, chunk]);
    try {
      if (this.authenticated !== undefined) this.readAuthentication();
      if (this.authenticated === undefined) this.readMessages();
    } catch (error) {
      this.finish(error as Error);
    }
  }

  /** Text lines come first: `DATA`, then `OK <id of the bus>`. */
  private readAuthentication(): void {
    while (this.authenticated !== undefined) {
      const length = this.received.indexOf('\r\n');
      if (length < 0) {
        if (this.received.length > MAX_AUTH_BYTES) throw new ProtocolError('the answer is no D-Bus authentication');
        return;
      }
      const line = this.received.toString('latin1', 0, length);
      this.received = this.received.subarray(length + 2);
      if (/^OK( |$)/.test(line)) {
        this.socket.write('BEGIN\r\n');
        this.authenticated();
        this.authenticated = undefined;
      } else if (!/^DATA/.test(line)) {
        throw new ProtocolError(
          /^REJECTED/.test(line) ? 'the authentication was rejected' : 'the answer is no D-Bus authentication',
        );
      }
    }
  }

  private readMessages(): void {
    for (let read = decodeMessage(this.received); read !== undefined; read = decodeMessage(this.received)) {
      this.received = this.received.subarray(read.size);
      this.dispatch(read.message);
    }
  }

  private dispatch(message: Message): void {
    const { type, replySerial, body } = message;
    if (type === MESSAGE_TYPE.signal) this.options.onSignal(message);
    if (replySerial === undefined) return;
    if (type === MESSAGE_TYPE.reply) this.settle(replySerial)?.resolve(body);
    if (type === MESSAGE_TYPE.error) {
      const [text] = body;
      const reason = typeof text === 'string' && text !== '' ? text : (message.errorName ?? 'an error without a name');
      this.settle(replySerial)?.reject(new CallError(message.errorName ?? '', reason));
    }
  }

  /** Takes a call off the list, which makes room for the next. */
  private settle(serial: number): Waiting | undefined {
    const waiting = this.waiting.get(serial);
    this.waiting.delete(serial);
    waiting?.cancelTimeout();
    if (this.waiting.size < MAX_CALLS) this.queue.shift()?.();
    return waiting;
  }

  private finish(error: Error): void {
    if (this.end !== undefined) return;
    this.end = error;
    this.socket.destroy();
    this.failed(error);
    for (const { reject, cancelTimeout } of this.waiting.values()) {
      cancelTimeout();
      reject(error);
    }
    this.waiting.clear();
    for (const send of this.queue.splice(0)) send();
    if (this.isOpen) this.options.onEnd();
  }
}
