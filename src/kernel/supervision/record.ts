import { Backoff, type OnError, type PluginKind, type PluginStatus, type SinkStatus } from '../contracts/index.js';
import { RecentMessages } from '../log/index.js';

/** Consecutive faults after which a plugin is left alone for a while. */
const FAULTS_TO_OPEN = 20;

/** What is known of one plugin instance: its state, its faults, what it cost. */
export class PluginRecord {
  /** By which a thread that does not share objects calls it; given by the supervisor. */
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
  /** URL of its module, by which a stack trace is attributed to it; of a built-in its name. */
  module = '';
  /** Every sample is timed; of what came with the agent only some are, as it is known not to block. */
  isTimedAlways = false;
  /** Calls that kept everything else waiting; see `PluginStatus`. */
  blocked: PluginStatus['blocked'];
  /** How its process is, when it has one of its own. */
  isolation: (() => PluginStatus['isolation']) | undefined;
  /** How its deliveries go, when it is a sink. */
  delivery: (() => SinkStatus) | undefined;
  /** Faults that the log has told. */
  readonly told = new RecentMessages();
  private streak = 0;
  private readonly pauses = new Backoff();
  private openUntil = 0;

  constructor(
    readonly id: string,
    /** The plugin's own, once it is loaded; before that what the configuration says. */
    public name: string,
    readonly source: string,
    readonly onError: OnError,
  ) {}

  loadedFrom(module: string): void {
    this.module = module;
    this.isTimedAlways = module.startsWith('file:');
  }

  /** Notes a good call. `now` is µs since the epoch. */
  succeeded(now: number): void {
    this.lastSuccessAt = now;
    if (this.streak === 0) return;
    this.streak = 0;
    this.pauses.reset();
    if (this.state === 'open') this.state = 'running';
  }

  /**
   * Notes a fault.
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

  /** Whether calls are to be skipped now. After the pause one call is let through; its outcome decides. */
  isOpen(monotonic: number): boolean {
    return this.state === 'open' && monotonic < this.openUntil;
  }

  /** Notes a call that kept everything else waiting. `now` is µs since the epoch. */
  held(what: string, ms: number, now: number): void {
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
