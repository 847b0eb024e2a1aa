import type { Logger } from '../contracts/index.js';
import { RecentMessages } from '../log/index.js';
import type { CommonTimer } from '../timing/index.js';
import { BLOCKING_THRESHOLD_MS, type Supervisor } from './supervisor.js';

/** A block that lasts longer than this and `BLOCKING_MS` together is always noticed. */
const CHECK_INTERVAL_MS = 1_000;
/** Checks after the start whose result is ignored, because starting takes time. */
const IGNORED_CHECKS = 10;
/** Minimum ratio of CPU time to elapsed time at which the process counts as busy. */
const BUSY_RATIO = 0.5;

/** Sources of time, replaced by tests. */
export interface LoopTimes {
  /** ms */
  readonly monotonic: () => number;
  /** CPU time of the process, ms */
  readonly cpu: () => number;
}

const PROCESS_TIMES: LoopTimes = {
  monotonic: () => performance.now(),
  cpu: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
};

/**
 * Logs when the event loop was blocked, and why as far as it is known. Blocking calls into plugins are logged by the
 * supervisor. What remains is work that a plugin does outside of calls, work of the agent, or a process that did not run.
 */
export class LoopWatch {
  private cancel: () => void = () => {};
  private checks = 0;
  private lastCheck = 0;
  private lastCpu = 0;
  private lastBlocked = 0;
  private readonly recentMessages = new RecentMessages();

  constructor(
    private readonly supervisor: Pick<Supervisor, 'blockedMs'>,
    private readonly logger: Logger,
    private readonly timer: Pick<CommonTimer, 'every'>,
    private readonly times: LoopTimes = PROCESS_TIMES,
  ) {}

  start(): void {
    this.remember();
    this.cancel = this.timer.every(CHECK_INTERVAL_MS, () => this.check());
  }

  stop(): void {
    this.cancel();
  }

  check(): void {
    const late = this.times.monotonic() - this.lastCheck - CHECK_INTERVAL_MS;
    const blocked = this.supervisor.blockedMs - this.lastBlocked;
    const worked = this.times.cpu() - this.lastCpu;
    this.remember();
    if (++this.checks <= IGNORED_CHECKS || late < BLOCKING_THRESHOLD_MS || blocked > late / 2) return;
    const ms = Math.round(late);
    if (worked < late * BUSY_RATIO) {
      const text = `the agent was blocked for ${ms} ms, of which it used the CPU for ${Math.round(worked)} ms`;
      this.warn(
        text,
        'the host may have been suspended or overloaded, the CPU quota of the agent used up, or a disk slow',
      );
      return;
    }
    const text = `the agent was busy for ${ms} ms without yielding, outside of calls into plugins`;
    this.warn(text, 'timers and promises of plugins are not timed: disable plugins one by one to find the cause');
  }

  private warn(text: string, hint: string): void {
    if (this.recentMessages.isNew(text, this.times.monotonic())) this.logger.warn(text, { hint });
  }

  private remember(): void {
    this.lastCheck = this.times.monotonic();
    this.lastCpu = this.times.cpu();
    this.lastBlocked = this.supervisor.blockedMs;
  }
}
