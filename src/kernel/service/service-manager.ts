import type { Logger } from '../contracts/index.js';
import { readServiceEnvironment, withoutServiceVariables } from './environment.js';
import { RelayNotifier } from './notifier.js';

type Notifier = Pick<RelayNotifier, 'send' | 'close'>;

/** The state that the agent reports to the service manager. */
interface HealthSource {
  /** Whether samples have been taken on time since the last call. */
  readonly isHealthy: () => boolean;
  /** The likely cause when unhealthy; `undefined` when unknown. */
  readonly likelyCause?: () => string | undefined;
  /** One line for `systemctl status`. */
  readonly status: () => string;
}

type Variables = Readonly<Record<string, string | undefined>>;

/** Watchdog notifications per watchdog timeout. */
const NOTIFICATIONS_PER_TIMEOUT = 3;
/** How often the status is sent without a watchdog. */
const STATUS_INTERVAL_MS = 60_000;

/** The service manager that started the agent; every call does nothing when there is none. */
export class ServiceManager {
  /** Descriptors of passed listening sockets, used instead of the configured addresses. */
  readonly sockets: readonly number[];
  private readonly notifier: Notifier | undefined;
  private readonly watchdogMs: number | undefined;
  private timer: NodeJS.Timeout | undefined;
  private health: HealthSource | undefined;
  /** Unhealthy checks in a row. */
  private misses = 0;

  /** @param makeNotifier replaceable for tests */
  constructor(
    env: Variables,
    private readonly logger: Logger,
    makeNotifier = (relayEnv: Variables): Notifier => new RelayNotifier(relayEnv, logger),
  ) {
    const { notifySocket, watchdogMs, sockets } = readServiceEnvironment(env, process.pid);
    this.sockets = sockets;
    this.watchdogMs = watchdogMs;
    if (notifySocket === undefined) return;
    this.notifier = makeNotifier({ ...withoutServiceVariables(env), NOTIFY_SOCKET: notifySocket });
  }

  /** Reports that the agent is ready. From now on the watchdog is notified while the agent is healthy. */
  ready(health: HealthSource): void {
    if (this.notifier === undefined) return;
    this.health = health;
    this.notifier.send('READY=1', ...this.state());
    const interval = this.watchdogMs === undefined ? STATUS_INTERVAL_MS : this.watchdogMs / NOTIFICATIONS_PER_TIMEOUT;
    this.timer = setInterval(() => this.notify(), interval).unref();
  }

  /** Reports that the configuration is being reloaded, until `reloaded`. */
  reloading(): void {
    const monotonic = process.hrtime.bigint() / 1000n;
    this.notifier?.send('RELOADING=1', `MONOTONIC_USEC=${monotonic}`, 'STATUS=Reading the configuration again');
  }

  reloaded(): void {
    this.notifier?.send('READY=1', ...this.state());
  }

  /** Reports that the agent is stopping; nothing is sent afterwards. */
  stopping(): void {
    clearInterval(this.timer);
    this.notifier?.send('STOPPING=1', 'STATUS=Stopping');
    this.notifier?.close();
  }

  private notify(): void {
    const state = this.state();
    if (state.length > 0) this.notifier?.send(...state);
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
