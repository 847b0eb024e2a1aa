import type { Logger } from '../contracts/index.js';
import { RecentMessages } from '../log/index.js';
import { HOLD_UP, type Supervisor } from './supervisor.js';

/** How often the loop is looked at, ms: what stands still for longer than this and `HOLD_UP` is always seen. */
const LOOK_EVERY = 1_000;
/** Looks after the start in which nothing is said: to begin with everything takes its time. */
const SETTLING = 10;
/** Share of the time in which the process must have worked to have kept itself waiting. */
const BUSY_SHARE = 0.5;

/** What the watch goes by; tests give another. */
export interface LoopTimes {
  /** ms */
  readonly monotonic: () => number;
  /** ms of CPU time that the process has taken */
  readonly cpu: () => number;
}

const OWN_TIMES: LoopTimes = {
  monotonic: () => performance.now(),
  cpu: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
};

/**
 * Notices that the event loop stood still, and says why as far as it is known. Plugins whose calls block are named by the
 * supervisor; what is left is work that a plugin began outside a call, the agent's own, or a process that did not run.
 */
export class LoopWatch {
  private timer: NodeJS.Timeout | undefined;
  private looks = 0;
  private lastLook = 0;
  private lastCpu = 0;
  private lastHeld = 0;
  private readonly told = new RecentMessages();

  constructor(
    private readonly supervisor: Pick<Supervisor, 'heldFor'>,
    private readonly logger: Logger,
    private readonly times: LoopTimes = OWN_TIMES,
  ) {}

  start(): void {
    this.remember();
    this.timer = setInterval(() => this.look(), LOOK_EVERY).unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** Looks once. */
  look(): void {
    const late = this.times.monotonic() - this.lastLook - LOOK_EVERY;
    const held = this.supervisor.heldFor - this.lastHeld;
    const worked = this.times.cpu() - this.lastCpu;
    this.remember();
    if (++this.looks <= SETTLING || late < HOLD_UP || held > late / 2) return;
    const ms = Math.round(late);
    if (worked < late * BUSY_SHARE) {
      const text = `the agent stood still for ${ms} ms, of which it worked for ${Math.round(worked)} ms`;
      this.tell(text, 'was the host suspended or overloaded, the agent out of its CPU quota, or a disk slow?');
      return;
    }
    const text = `the agent was busy for ${ms} ms without a pause, in no call into a plugin`;
    this.tell(
      text,
      'what a plugin does after a call (its own timers, promises) is not timed: leave plugins out to find it',
    );
  }

  private tell(text: string, hint: string): void {
    if (this.told.isNew(text, this.times.monotonic())) this.logger.warn(text, { hint });
  }

  private remember(): void {
    this.lastLook = this.times.monotonic();
    this.lastCpu = this.times.cpu();
    this.lastHeld = this.supervisor.heldFor;
  }
}
