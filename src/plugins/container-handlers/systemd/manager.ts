import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Backoff, messageOf, type PluginContext } from '../../../kernel/contracts/index.js';
import { number, text } from '../common/index.js';
import { Bus, CallError } from './bus.js';
import type { Message, Value } from './message.js';
import type { SystemdOptions } from './options.js';
import { objectPathOf } from './unit-name.js';

const SYSTEMD = 'org.freedesktop.systemd1';
const PROPERTIES = 'org.freedesktop.DBus.Properties';
const MANAGER_PATH = '/org/freedesktop/systemd1';
/** Signals about a unit come in groups: the unit is asked about once for all of them. */
const GATHER_MS = 100;
const UNITS_AT_ONCE = 8;

/** Properties of a unit. Times are µs since the epoch; 0: never. */
export interface UnitFacts {
  readonly description: string;
  readonly activeState: string;
  readonly subState: string;
  readonly activeSince: number;
  /** Of services alone. */
  readonly service?: ServiceFacts;
}

export interface ServiceFacts {
  readonly restarts: number;
  /** When the main process started. */
  readonly startedAt: number;
  /** When it ended; 0 while it runs. */
  readonly finishedAt: number;
  /** As a shell has it: 128 and the signal when a signal ended it. */
  readonly exitCode: number;
  /** `success`, `exit-code`, `oom-kill`, … */
  readonly result: string;
}

export interface ManagerListener {
  /** What is known of a unit is different now. */
  onFacts(unit: string, facts: UnitFacts): void;
  /** The manager can be asked now, or cannot any more. */
  onChange(): void;
}

/** Asks the service manager over D-Bus about watched units. Reconnects until it is stopped. */
export class ServiceManager {
  /** Version of systemd; undefined while it cannot be asked. */
  version: string | undefined;
  /** Why it cannot be asked; undefined while it can, and before the first attempt ended. */
  failure: string | undefined;
  private readonly watched = new Map<string, string>();
  private readonly changed = new Set<string>();
  private readonly backoff = new Backoff(500, 5_000);
  private bus: Bus | undefined;
  private stopped = false;
  private reading: Promise<void> | undefined;
  private cancelGathering: (() => void) | undefined;

  constructor(
    private readonly context: PluginContext,
    private readonly options: SystemdOptions,
    private readonly listener: ManagerListener,
  ) {}

  /** Settles after the first attempt to connect. */
  start(): Promise<void> {
    this.stopped = false;
    return this.connect();
  }

  /** Settles when all watched units have been asked about, or it cannot be asked. */
  readNow(): Promise<void> {
    this.endGathering();
    return this.readChanged();
  }

  stop(): void {
    this.stopped = true;
    this.endGathering();
    this.bus?.close();
  }

  /** Reports a unit now and whenever it changes. */
  watch(unit: string): void {
    this.watched.set(objectPathOf(unit), unit);
    this.gather([unit]);
  }

  unwatch(unit: string): void {
    this.watched.delete(objectPathOf(unit));
    this.changed.delete(unit);
  }

  /** @returns undefined when it cannot be asked, or does not know the unit */
  async ask(unit: string): Promise<UnitFacts | undefined> {
    const { bus } = this;
    if (bus === undefined) return undefined;
    try {
      return await factsOf(bus, unit);
    } catch (error) {
      this.context.logger.debug(`systemd does not tell about ${unit}: ${messageOf(error)}`);
      // One that does not answer in time is asked again over a new connection, after a pause.
      if (!(error instanceof CallError)) bus.close();
      return undefined;
    }
  }

  private async connect(): Promise<void> {
    try {
      const bus = await this.open();
      if (this.stopped) return bus.close();
      this.bus = bus;
      this.backoff.reset();
      this.failure = undefined;
      this.gather(this.watched.values());
    } catch (error) {
      const isNew = this.failure === undefined;
      this.failure = messageOf(error);
      if (isNew && !this.stopped) this.context.logger.info(`systemd cannot be asked: ${this.failure}`);
      this.reconnectLater();
    }
    if (!this.stopped) this.listener.onChange();
  }

  /** @throws Error of the first socket that exists, when none answers */
  private async open(): Promise<Bus> {
    const { linux, timers } = this.context;
    const { sockets, timeout: timeoutMs } = this.options;
    let failure: Error | undefined;
    for (const socket of sockets) {
      const path = join(linux.paths.root, socket);
      if (!existsSync(path)) continue;
      const isBus = !socket.endsWith('/private');
      const onSignal = (message: Message) => this.onSignal(message);
      try {
        const bus: Bus = await Bus.open({ path, isBus, timeoutMs, timers, onSignal, onEnd: () => this.onEnd(bus) });
        try {
          await this.subscribe(bus);
          return bus;
        } catch (error) {
          bus.close();
          throw error;
        }
      } catch (error) {
        failure ??= new Error(`${socket}: ${messageOf(error)}`);
      }
    }
    throw failure ?? new Error(`none of these sockets exists: ${sockets.join(', ')}`);
  }

  private async subscribe(bus: Bus): Promise<void> {
    const from = `type='signal',sender='${SYSTEMD}'`;
    for (const kind of ['Unit', 'Service']) {
      await bus.match(`${from},interface='${PROPERTIES}',member='PropertiesChanged',arg0='${SYSTEMD}.${kind}'`);
    }
    await bus.match(`${from},interface='${SYSTEMD}.Manager',member='Reloading'`);
    const manager = { destination: SYSTEMD, path: MANAGER_PATH, interface: `${SYSTEMD}.Manager` };
    await bus.call({ ...manager, member: 'Subscribe' });
    this.version = String(await property(bus, MANAGER_PATH, 'Manager', 'Version'));
  }

  private onSignal({ path = '', member, body }: Message): void {
    if (member === 'Reloading') {
      // Descriptions come from files that were read again.
      if (body[0] === false) this.gather(this.watched.values());
      return;
    }
    const unit = this.watched.get(path);
    if (unit !== undefined && member === 'PropertiesChanged') this.gather([unit]);
  }

  private onEnd(bus: Bus | undefined): void {
    if (bus === undefined || bus !== this.bus) return;
    this.bus = undefined;
    this.version = undefined;
    this.reconnectLater();
  }

  private reconnectLater(): void {
    if (!this.stopped)
      this.context.timers.after(this.backoff.next(), () => (this.stopped ? undefined : this.connect()));
  }

  private gather(units: Iterable<string>): void {
    for (const unit of units) this.changed.add(unit);
    if (this.bus === undefined || this.changed.size === 0) return;
    this.cancelGathering ??= this.context.timers.after(GATHER_MS, () => {
      this.cancelGathering = undefined;
      return this.readChanged();
    });
  }

  private endGathering(): void {
    this.cancelGathering?.();
    this.cancelGathering = undefined;
  }

  private readChanged(): Promise<void> {
    this.reading ??= this.readAll().finally(() => {
      this.reading = undefined;
    });
    return this.reading;
  }

  private async readAll(): Promise<void> {
    while (this.changed.size > 0 && this.bus !== undefined) {
      const units = [...this.changed].slice(0, UNITS_AT_ONCE);
      for (const unit of units) this.changed.delete(unit);
      await Promise.all(
        units.map(async (unit) => {
          const facts = await this.ask(unit);
          if (facts !== undefined && this.watched.has(objectPathOf(unit))) this.listener.onFacts(unit, facts);
        }),
      );
    }
  }
}

async function property(bus: Bus, path: string, kind: string, name: string): Promise<Value | undefined> {
  const args = [`${SYSTEMD}.${kind}`, name];
  try {
    const [value] = await bus.call({ destination: SYSTEMD, path, interface: PROPERTIES, member: 'Get', args });
    return value;
  } catch (error) {
    // Older systemds lack some.
    if (error instanceof CallError && /\.(UnknownProperty|UnknownInterface)$/.test(error.errorName)) return undefined;
    throw error;
  }
}

/** One property at a time: `GetAll` has systemd read the unit's cgroup files for hundreds of numbers. */
async function factsOf(bus: Bus, unit: string): Promise<UnitFacts | undefined> {
  const path = objectPathOf(unit);
  const ofKind = async (kind: string, names: readonly string[]) => {
    const values = await Promise.all(names.map((name) => property(bus, path, kind, name)));
    return new Map(names.map((name, index) => [name, values[index]]));
  };
  const isService = unit.endsWith('.service');
  const [general, service] = await Promise.all([
    ofKind('Unit', ['LoadState', 'Description', 'ActiveState', 'SubState', 'ActiveEnterTimestamp']),
    isService ? ofKind('Service', SERVICE_PROPERTIES) : undefined,
  ]);
  if (general.get('LoadState') === 'not-found') return undefined;
  return {
    description: text(general.get('Description')),
    activeState: text(general.get('ActiveState')),
    subState: text(general.get('SubState')),
    activeSince: number(general.get('ActiveEnterTimestamp')) ?? 0,
    ...(service && { service: serviceFacts(service) }),
  };
}

const SERVICE_PROPERTIES = [
  'NRestarts',
  'ExecMainStartTimestamp',
  'ExecMainExitTimestamp',
  'ExecMainCode',
  'ExecMainStatus',
  'Result',
];
/** `CLD_EXITED` of `<signal.h>`; the other codes are signals. */
const EXITED = 1;

function serviceFacts(values: ReadonlyMap<string, Value | undefined>): ServiceFacts {
  const count = (name: string) => number(values.get(name)) ?? 0;
  const status = count('ExecMainStatus');
  return {
    restarts: count('NRestarts'),
    startedAt: count('ExecMainStartTimestamp'),
    finishedAt: count('ExecMainExitTimestamp'),
    exitCode: count('ExecMainCode') === EXITED ? status : 128 + status,
    result: text(values.get('Result')),
  };
}
