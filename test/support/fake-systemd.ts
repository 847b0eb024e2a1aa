import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import {
  decodeMessage,
  encodeMessage,
  MESSAGE_TYPE,
  type Message,
  type Value,
} from '../../src/plugins/container-handlers/systemd/message.js';
import { objectPathOf } from '../../src/plugins/container-handlers/systemd/unit-name.js';
import type { SimulatedHost } from '../../src/testing/index.js';

/** Properties of a unit by name; a text or a number, with the type that systemd gives it. */
type Properties = Record<string, string | number>;

const TYPES: Readonly<Record<string, string>> = { NRestarts: 'u', ExecMainCode: 'i', ExecMainStatus: 'i' };
const SOCKET = 'run/dbus/system_bus_socket';

/** systemd behind a bus daemon, both in one: answers over a real socket what a test lets its units be. */
export class FakeSystemd {
  /** Unit → its properties. */
  readonly units = new Map<string, Properties>();
  /** Names of the methods called, those of properties as `Get nginx.service Description`. */
  readonly calls: string[] = [];
  /** Bytes to answer with in place of everything after the authentication. */
  garbage: Buffer | undefined;
  /** What the authentication answers. */
  greeting = 'OK 0123456789abcdef';
  /** Answers nothing more. */
  isHung = false;
  private readonly server: Server = createServer((socket) => this.serve(socket));
  private readonly sockets = new Set<Socket>();
  private byPath: ReadonlyMap<string, string> = new Map();
  private serial = 0;

  constructor(private readonly host: SimulatedHost) {
    host.write({ 'run/systemd/system/': '', 'run/dbus/': '' });
  }

  get socketPath(): string {
    return join(this.host.root, SOCKET);
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(this.socketPath, resolve));
    return this;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    if (!this.server.listening) return;
    await new Promise((resolve) => this.server.close(resolve));
    rmSync(this.socketPath, { force: true });
  }

  /** Sets properties of a unit, and says so as systemd does. */
  change(unit: string, properties: Properties): void {
    this.units.set(unit, { ...this.units.get(unit), ...properties });
    this.signal(
      {
        path: objectPathOf(unit),
        interface: 'org.freedesktop.DBus.Properties',
        member: 'PropertiesChanged',
      },
      ['org.freedesktop.systemd1.Unit', [], []],
      'sa{sv}as',
    );
  }

  /** `systemctl daemon-reload` ended. */
  reloaded(): void {
    const path = '/org/freedesktop/systemd1';
    this.signal({ path, interface: 'org.freedesktop.systemd1.Manager', member: 'Reloading' }, [false], 'b');
  }

  private unitAt(path: string): string | undefined {
    if (this.byPath.size !== this.units.size) {
      this.byPath = new Map([...this.units.keys()].map((unit) => [objectPathOf(unit), unit]));
    }
    return this.byPath.get(path);
  }

  private signal(head: Partial<Message>, body: readonly Value[], signature: string): void {
    for (const socket of this.sockets) {
      socket.write(encodeMessage({ type: MESSAGE_TYPE.signal, serial: ++this.serial, ...head, body }, signature));
    }
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket);
    let received = Buffer.alloc(0);
    let isOpen = false;
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (this.isHung) return;
      if (!isOpen) {
        const text = received.toString('latin1');
        if (text === '\0AUTH EXTERNAL\r\nDATA\r\n') socket.write(`DATA\r\n${this.greeting}\r\n`);
        const end = text.indexOf('BEGIN\r\n');
        if (end < 0) return;
        received = received.subarray(end + 7);
        isOpen = true;
      }
      if (this.garbage !== undefined) return void socket.write(this.garbage);
      for (let read = decodeMessage(received); read !== undefined; read = decodeMessage(received)) {
        received = received.subarray(read.size);
        this.answer(socket, read.message);
      }
    });
  }

  private answer(socket: Socket, { serial: replySerial, member = '', path = '', body }: Message): void {
    const reply = (signature: string, ...values: Value[]) =>
      socket.write(
        encodeMessage({ type: MESSAGE_TYPE.reply, serial: ++this.serial, replySerial, body: values }, signature),
      );
    if (member !== 'Get') {
      this.calls.push(member);
      reply(member === 'Hello' ? 's' : '', ...(member === 'Hello' ? [':1.7'] : []));
      return;
    }
    const [kind, name] = body as [string, string];
    if (kind.endsWith('.Manager')) return void reply('v', ['s', '252']);
    const unit = this.unitAt(path);
    const properties = this.units.get(unit ?? '') ?? {};
    this.calls.push(`Get ${unit} ${name}`);
    if (unit === undefined && name === 'LoadState') return void reply('v', ['s', 'not-found']);
    const value = properties[name];
    if (value !== undefined) {
      return void reply('v', [TYPES[name] ?? (typeof value === 'string' ? 's' : 't'), value]);
    }
    const error = { type: MESSAGE_TYPE.error, serial: ++this.serial, replySerial };
    const errorName = 'org.freedesktop.DBus.Error.UnknownProperty';
    socket.write(encodeMessage({ ...error, errorName, body: [`Unknown property ${name}`] }, 's'));
  }
}
