import type { Logger } from '../contracts/index.js';
import { readServiceEnvironment, withoutServiceVariables } from './environment.js';
import { type Notifier, RelayNotifier } from './notifier.js';

/** What the agent shows the service manager. */
export interface Pulse {
  /** Whether samples were taken as they fell due since the last question. */
  readonly isBeating: () => boolean;
  /** What may be the reason that they are not, in words; `undefined`: nothing is known. */
  readonly suspect?: () => string | undefined;
  /** One line for `systemctl status`. */
  readonly status: () => string;
}

/** The service manager that started the agent, as far as there is one: without it every call does nothing. */
export interface ServiceManager {
  /** Descriptors of listening sockets that it passed, to serve on instead of the configured addresses. */
  readonly sockets: readonly number[];
  /** The agent works: samples exist. From now on the watchdog is fed while the pulse beats. */
  ready(pulse: Pulse): void;
  /** The configuration is being read again, until `reloaded`. */
  reloading(): void;
  reloaded(): void;
  /** The agent ends; nothing is sent after it. */
  stopping(): void;
}

/** The watchdog is fed this many times in the time it allows. */
const FEEDS_PER_TIMEOUT = 3;
/** Without a watchdog the status is told this often, ms. */
const STATUS_INTERVAL = 60_000;

/**
 * @param env the agent's environment
 * @param notifier who sends the messages; tests give another
 */
export function createServiceManager(
  env: Readonly<Record<string, string | undefined>>,
  logger: Logger,
  notifier?: Notifier,
): ServiceManager {
  const { notifySocket, watchdog, sockets } = readServiceEnvironment(env, process.pid);
  if (notifySocket === undefined) return new SilentServiceManager(sockets);
  const relayEnv = { ...withoutServiceVariables(env), NOTIFY_SOCKET: notifySocket };
  return new NotifyingServiceManager(notifier ?? new RelayNotifier(relayEnv, logger), watchdog, sockets, logger);
}

class SilentServiceManager implements ServiceManager {
  constructor(readonly sockets: readonly number[]) {}

  ready(): void {}
  reloading(): void {}
  reloaded(): void {}
  stopping(): void {}
}

class NotifyingServiceManager implements ServiceManager {
  private timer: NodeJS.Timeout | undefined;
  private pulse: Pulse | undefined;
  /** Questions in a row that found no beat. */
  private misses = 0;

  constructor(
    private readonly notifier: Notifier,
    private readonly watchdog: number | undefined,
    readonly sockets: readonly number[],
    private readonly logger: Logger,
  ) {}

  ready(pulse: Pulse): void {
    this.pulse = pulse;
    this.notifier.send('READY=1', ...this.signs());
    const interval = this.watchdog === undefined ? STATUS_INTERVAL : this.watchdog / FEEDS_PER_TIMEOUT;
    this.timer = setInterval(() => this.tell(), interval).unref();
  }

  reloading(): void {
    const monotonic = process.hrtime.bigint() / 1000n;
    this.notifier.send('RELOADING=1', `MONOTONIC_USEC=${monotonic}`, 'STATUS=Reading the configuration again');
  }

  reloaded(): void {
    this.notifier.send('READY=1', ...this.signs());
  }

  stopping(): void {
    clearInterval(this.timer);
    this.notifier.send('STOPPING=1', 'STATUS=Stopping');
    this.notifier.close();
  }

  private tell(): void {
    const signs = this.signs();
    if (signs.length > 0) this.notifier.send(...signs);
  }

  /** The status, and food for the watchdog while the pulse beats: a loop that is stuck is for the manager to restart. */
  private signs(): string[] {
    if (this.pulse === undefined) return [];
    const status = `STATUS=${this.pulse.status()}`;
    if (this.watchdog === undefined) return [status];
    const beats = this.pulse.isBeating();
    this.misses = beats ? 0 : this.misses + 1;
    // A process that was suspended finds everything overdue once.
    if (this.misses === 2) {
      const suspect = this.pulse.suspect?.();
      const reason = suspect === undefined ? '' : `; ${suspect}`;
      this.logger.error(`no samples are being taken: the watchdog is not fed until they are${reason}`);
    }
    return beats ? ['WATCHDOG=1', status] : [];
  }
}
