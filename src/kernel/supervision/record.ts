import { Backoff, type OnError, type PluginKind, type PluginStatus, type SinkStatus } from '../contracts/index.js';
import { RecentMessages } from '../log/index.js';

/** Consecutive faults after which a plugin is paused. */
const FAULTS_TO_OPEN = 20;

/** Nothing is stretched beyond this: Prometheus takes series for ended that have no sample for five minutes. */
export const MAX_STRETCHED_MS = 120_000;

/** How often something is done. */
export interface Pace {
  /** 1: as often as it was configured; 2: half as often. */
  stretch: number;
  /** The configured interval, ms. */
  readonly intervalMs: number;
  /** Whether it costs less when it is done less often. */
  readonly isCheaperWhenStretched: boolean;
}

/** State, faults and cost of one plugin instance. */
export class PluginRecord {
  /** Identifies it in memory shared with the watchdog thread; assigned by the supervisor. */
  number = 0;
  state: PluginStatus['state'] = 'loading';
  errors = 0;
  calls = 0;
  busyMs = 0;
  lastError: string | undefined;
  lastErrorAt: number | undefined;
  lastSuccessAt: number | undefined;
  /** Unknown until it is loaded. */
  kind: PluginKind | undefined;
  version = '';
  /** URL of its module, used to attribute stack traces; the name of a built-in plugin. */
  module = '';
  /** Whether every sample is timed. Of built-in plugins, which do not block, only some are. */
  isTimedAlways = false;
  /** Calls that blocked the agent; see `PluginStatus`. */
  blocked: PluginStatus['blocked'];
  /** State of its process when it is isolated. */
  isolation: (() => PluginStatus['isolation']) | undefined;
  /** State of the deliveries of a sink. */
  delivery: (() => SinkStatus) | undefined;
  /** How often a sink takes samples, which may be stretched. */
  pace: Pace | undefined;
  /** How often its repeating timers call back, which may be stretched. */
  timerPace: Pace | undefined;
  /** Faults that were logged. */
  readonly recentMessages = new RecentMessages();
  private streak = 0;
  private readonly pauses = new Backoff();
  private openUntil = 0;

  constructor(
    readonly id: string,
    /** From the plugin once it is loaded; before that from the configuration. */
    public name: string,
    readonly source: string,
    readonly onError: OnError,
  ) {}

  loadedFrom(module: string): void {
    this.module = module;
    this.isTimedAlways = module.startsWith('file:');
  }

  /** Records a successful call. `now` is µs since the epoch. */
  succeeded(now: number): void {
    this.lastSuccessAt = now;
    if (this.streak === 0) return;
    this.streak = 0;
    this.pauses.reset();
    if (this.state === 'open') this.state = 'running';
  }

  /**
   * Records a fault.
   * @param monotonic ms
   * @param opens whether it counts towards the circuit breaker
   * @returns true when this fault opened the circuit breaker
   */
  failed(error: string, now: number, monotonic: number, opens = true): boolean {
    this.errors++;
    this.lastError = error;
    this.lastErrorAt = now;
    if (!opens) return false;
    this.streak++;
    if (this.streak < FAULTS_TO_OPEN || (this.state !== 'running' && this.state !== 'open')) return false;
    const opened = this.state === 'running';
    this.state = 'open';
    this.openUntil = monotonic + this.pauses.next();
    return opened;
  }

  /** Whether calls are skipped now. After the pause one call is made; its outcome decides. */
  isOpen(monotonic: number): boolean {
    return this.state === 'open' && monotonic < this.openUntil;
  }

  /** Records a call that blocked the agent. `now` is µs since the epoch. */
  recordBlocking(what: string, ms: number, now: number): void {
    const { count = 0, totalMs = 0, longestMs = 0 } = this.blocked ?? {};
    const longest = Math.max(longestMs, ms);
    this.blocked = { count: count + 1, totalMs: totalMs + ms, longestMs: longest, last: { what, at: now, ms } };
  }

  status(): PluginStatus {
    const isolation = this.isolation?.();
    const { id, kind, name, version, source, state, errors, calls, busyMs } = this;
    return {
      id,
      kind,
      name,
      version,
      source,
      state,
      up: state === 'running',
      errors,
      calls,
      busyMs,
      ...(isolation !== undefined && { isolation }),
      ...(this.delivery !== undefined && { sink: this.delivery() }),
      ...(this.blocked !== undefined && { blocked: this.blocked }),
      ...(this.lastError !== undefined && { lastError: this.lastError }),
      ...(this.lastErrorAt !== undefined && { lastErrorAt: this.lastErrorAt }),
      ...(this.lastSuccessAt !== undefined && { lastSuccessAt: this.lastSuccessAt }),
    };
  }
}
