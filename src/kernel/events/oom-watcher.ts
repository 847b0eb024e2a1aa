import { closeSync, constants, openSync, readSync } from 'node:fs';
import type { KnownCgroups } from '../containers/index.js';
import { type Clock, codeOf, type Logger, messageOf } from '../contracts/index.js';
import type { CommonTimer } from '../timing/index.js';
import { type OomKill, OomParser, parseRecord } from './kernel-log.js';

/**
 * Also how late a kill is known, ms, but for those that a counter or the end of a container tells of: a capsule is to be written
 * within 200 ms of it. Waking an idle process for a look without news takes 0.3 ms of CPU time.
 */
const POLL_INTERVAL_MS = 125;
/** The same while the kernel would report events of memory, which come before the records of a kill. */
const QUIET_INTERVAL_MS = 1_000;
/** When records are looked for after such a report, and for how long, ms. */
const FIRST_LOOK_MS = 50;
const RECORDS_WITHIN_MS = 2_000;
const MAX_RECORD_BYTES = 8192;
/** Records read before yielding to the event loop. */
const RECORDS_PER_TURN = 500;

export interface OomWatcherOptions {
  /** The host's kernel log, normally `/dev/kmsg`. */
  readonly kernelLog: string;
  readonly clock: Clock;
  readonly timer: Pick<CommonTimer, 'after'>;
  readonly logger: Logger;
  /** Seconds since boot, from `/proc/uptime`. */
  readonly uptime: () => number;
  /** Of which the kernel reports changes of `memory.events`, where it does. */
  readonly cgroups: Pick<KnownCgroups, 'reportsMemoryEvents' | 'onMemoryEvents'>;
  /** Called for every kill after the start of the agent, with its time in µs since the epoch. */
  readonly onKill: (kill: OomKill, time: number) => void;
}

/**
 * Follows the kernel log for OOM kills. The log is polled without blocking: a blocking read would occupy a
 * thread of the pool. Kills from before the agent's start are not reported as new.
 */
export class OomWatcher {
  private descriptor = -1;
  private cancel: () => void = () => {};
  private immediate: NodeJS.Immediate | undefined;
  private readonly parser = new OomParser();
  private readonly buffer = Buffer.allocUnsafe(MAX_RECORD_BYTES);
  private failure = '';
  /** When the log was last read to its end, µs since the epoch: later records were written after it. */
  private readAt = 0;
  /** Until when records are expected, monotonic ms. */
  private expectedUntil = Number.NEGATIVE_INFINITY;
  private isWaitLong = false;

  constructor(private readonly options: OomWatcherOptions) {
    options.cgroups.onMemoryEvents(() => this.expectRecords());
  }

  /** @returns false when the kernel log cannot be read; the reason is logged */
  start(): boolean {
    const { kernelLog: path, logger } = this.options;
    try {
      this.descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (error) {
      logger.warn(`OOM kills are detected by the containers' counters only: ${path} cannot be read`, {
        error: messageOf(error),
        hint: 'run as root or with CAP_SYSLOG, and give the agent access to /dev/kmsg',
      });
      return false;
    }
    // Existing records are older than the agent. Their timestamps are not compared with the agent's clock, because the two drift.
    while (this.readOne(() => {}));
    this.readAt = this.options.clock.now();
    this.drain();
    return true;
  }

  /** Looks at the log at the end of this turn of the event loop: something shows that there may be a kill. */
  lookNow(): void {
    if (this.descriptor >= 0) this.immediate ??= setImmediate(() => this.drain());
  }

  stop(): void {
    this.cancel();
    this.isWaitLong = false;
    clearImmediate(this.immediate);
    if (this.descriptor >= 0) closeSync(this.descriptor);
    this.descriptor = -1;
  }

  private drain(): void {
    this.cancel();
    this.immediate = undefined;
    if (this.descriptor < 0) return;
    let records = 0;
    while (records < RECORDS_PER_TURN && this.readOne((kill) => this.report(kill))) records++;
    if (records < RECORDS_PER_TURN) this.readAt = this.options.clock.now();
    this.waitFor(records === RECORDS_PER_TURN ? 0 : this.interval);
  }

  private get interval(): number {
    const { cgroups, clock } = this.options;
    const isQuiet = cgroups.reportsMemoryEvents && clock.monotonic() >= this.expectedUntil;
    return isQuiet ? QUIET_INTERVAL_MS : POLL_INTERVAL_MS;
  }

  private waitFor(ms: number): void {
    this.isWaitLong = ms > POLL_INTERVAL_MS;
    this.cancel = this.options.timer.after(ms, () => this.drain());
  }

  /** A process may be about to be killed. Such reports may come a hundred times a second. */
  private expectRecords(): void {
    this.expectedUntil = this.options.clock.monotonic() + RECORDS_WITHIN_MS;
    if (!this.isWaitLong) return;
    this.cancel();
    this.waitFor(FIRST_LOOK_MS);
  }

  /** Reads the next record. @returns false when there is none left */
  private readOne(onKill: (kill: OomKill) => void): boolean {
    let length: number;
    try {
      length = readSync(this.descriptor, this.buffer, 0, MAX_RECORD_BYTES, null);
    } catch (error) {
      return this.readFailed(error);
    }
    if (length <= 0) return false;
    const record = parseRecord(this.buffer.toString('utf8', 0, length));
    const kill = record === undefined ? undefined : this.parser.parse(record);
    if (kill !== undefined) onKill(kill);
    return true;
  }

  private readFailed(error: unknown): boolean {
    const code = codeOf(error);
    // EPIPE: records were overwritten before they were read; the next read continues with the oldest remaining one.
    if (code === 'EPIPE') return true;
    if (code !== 'EAGAIN' && code !== this.failure) {
      this.failure = code ?? '';
      this.options.logger.warn('the kernel log cannot be read any more', { error: messageOf(error) });
    }
    return false;
  }

  private report(kill: OomKill): void {
    const { clock, uptime, onKill } = this.options;
    const now = clock.now();
    const time = Math.round(now - (uptime() * 1e6 - kill.sinceBoot));
    onKill(kill, Math.min(Math.max(time, this.readAt), now));
  }
}
