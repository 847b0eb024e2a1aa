import type { Logger } from '../contracts/index.js';
import { readServiceEnvironment, withoutServiceVariables } from './environment.js';
import { type Notifier, RelayNotifier } from './notifier.js';

/** The state that the agent reports to the service manager. */
export interface HealthSource {
  /** Whether samples have been taken on time since the last call. */
  readonly isHealthy: () => boolean;
  /** The likely cause when unhealthy; `undefined` when unknown. */
  readonly likelyCause?: () => string | undefined;
  /** One line for `systemctl status`. */
  readonly status: () => string;
}

/** The service manager that started the agent; every call does nothing when there is none. */
export interface ServiceManager {
  /** Descriptors of passed listening sockets, used instead of the configured addresses. */
  readonly sockets: readonly number[];
  /** Reports that the agent is ready. From now on the watchdog is notified while the agent is healthy. */
  ready(health: HealthSource): void;
  /** Reports that the configuration is being reloaded, until `reloaded`. */
  reloading(): void;
  reloaded(): void;
  /** Reports that the agent is stopping; nothing is sent afterwards. */
  stopping(): void;
}

/** Watchdog notifications per watchdog timeout. */
const NOTIFICATIONS_PER_TIMEOUT = 3;
/** How often the status is sent without a watchdog. */
const STATUS_INTERVAL_MS = 60_000;

/** @param notifier replaceable for tests */
export function createServiceManager(
  env: Readonly<Record<string, string | undefined>>,
  logger: Logger,
  notifier?: Notifier,
): ServiceManager {
  const { notifySocket, watchdogMs, sockets } = readServiceEnvironment(env, process.pid);
  if (notifySocket === undefined) return new SilentServiceManager(sockets);
  const relayEnv = { ...withoutServiceVariables(env), NOTIFY_SOCKET: notifySocket };
  return new NotifyingServiceManager(notifier ?? new RelayNotifier(relayEnv, logger), watchdogMs, sockets, logger);
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
  private health: HealthSource | undefined;
  /** Unhealthy checks in a row. */
  private misses = 0;

  constructor(
    private readonly notifier: Notifier,
    private readonly watchdogMs: number | undefined,
    readonly sockets: readonly number[],
    private readonly logger: Logger,
  ) {}

  ready(health: HealthSource): void {
    this.health = health;
    this.notifier.send('READY=1', ...this.state());
    const interval = this.watchdogMs === undefined ? STATUS_INTERVAL_MS : this.watchdogMs / NOTIFICATIONS_PER_TIMEOUT;
    this.timer = setInterval(() => this.notify(), interval).unref();
  }

  reloading(): void {
    const monotonic = process.hrtime.bigint() / 1000n;
    this.notifier.send('RELOADING=1', `MONOTONIC_USEC=${monotonic}`, 'STATUS=Reading the configuration again');
  }

  reloaded(): void {
    this.notifier.send('READY=1', ...this.state());
  }

  stopping(): void {
    clearInterval(this.timer);
    this.notifier.send('STOPPING=1', 'STATUS=Stopping');
    this.notifier.close();
  }

  private notify(): void {
    const state = this.state();
    if (state.length > 0) this.notifier.send(...state);
  }

  /** The status, and the watchdog notification while healthy: systemd restarts an agent that is stuck. */
  private state(): string[] {
    if (this.health === undefined) return [];
    const status = `STATUS=${this.health.status()}`;
    if (this.watchdogMs === undefined) return [status];
    const isHealthy = this.health.isHealthy();
    this.misses = isHealthy ? 0 : this.misses + 1;
    // After a suspend everything is overdue once, so a single miss is not reported.
    if (this.misses === 2) {
      const cause = this.health.likelyCause?.();
      const reason = cause === undefined ? '' : `; ${cause}`;
      this.logger.error(`no samples are being taken: the watchdog is not notified until they are${reason}`);
    }
    return isHealthy ? ['WATCHDOG=1', status] : [];
  }
}
