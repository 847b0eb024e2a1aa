import type { AgentSelf, Clock, Finding, Logger } from '../contracts/index.js';
import { ClockWatch, descriptorFindings, logFindings, type WatchUse, watchFindings } from './agent-checks.js';
import {
  controllerFindings,
  type HostFacts,
  kernelLogFindings,
  mountFindings,
  pressureFindings,
  procFindings,
} from './host-checks.js';

/** ms */
const LOOK_EVERY = 10_000;
const EXAMINE_EVERY_LOOKS = 6;
/** Findings that no other part of the agent tells in the log. */
const TOLD = new Set(['clock-jump', 'descriptors', 'proc-hidden']);
const RANK: Record<Finding['severity'], number> = { error: 0, warning: 1, info: 2 };

export interface DoctorOptions extends HostFacts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly descriptors: () => AgentSelf['descriptors'];
  readonly log: () => AgentSelf['log'];
  readonly watches: () => WatchUse;
  /** What plugins find, those that fail left out. */
  readonly fromPlugins: () => Promise<readonly Finding[]>;
}

/** Finds out what takes numbers away, and how to mend it. */
export class Doctor {
  private latest: readonly Finding[] = [];
  private readonly clockWatch: ClockWatch;
  private timer: NodeJS.Timeout | undefined;
  private looks = 0;
  /** Those of `TOLD` that are the case, as the log has told: id → what. */
  private readonly told = new Map<string, string>();

  constructor(private readonly options: DoctorOptions) {
    this.clockWatch = new ClockWatch(options.clock);
  }

  /** Looks now, and again and again. */
  start(): void {
    void this.examine();
    this.timer = setInterval(() => {
      this.clockWatch.look();
      if (++this.looks % EXAMINE_EVERY_LOOKS === 0) void this.examine();
    }, LOOK_EVERY);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** What was found at the last look, at most a minute ago; the worst first. */
  findings(): readonly Finding[] {
    return this.latest;
  }

  /** Looks now. */
  async examine(): Promise<readonly Finding[]> {
    const { options } = this;
    const checks: (() => readonly Finding[] | Promise<readonly Finding[]>)[] = [
      () => controllerFindings(options),
      () => pressureFindings(options),
      () => procFindings(options),
      () => kernelLogFindings(options),
      () => mountFindings(options),
      () => watchFindings(options.paths, options.watches()),
      () => descriptorFindings(options.descriptors()),
      () => logFindings(options.log()),
      () => this.clockWatch.findings(),
      () => options.fromPlugins(),
    ];
    const found: Finding[] = [];
    for (const check of checks) {
      try {
        found.push(...(await check()));
      } catch (error) {
        options.logger.debug('a check failed', { error: String(error) });
      }
    }
    this.latest = found.sort((a, b) => RANK[a.severity] - RANK[b.severity] || (a.id < b.id ? -1 : 1));
    this.tell();
    return this.latest;
  }

  /** A finding is told when it comes, and when it has gone. */
  private tell(): void {
    const { logger } = this.options;
    const current = new Map(this.latest.filter(({ id }) => TOLD.has(id)).map((finding) => [finding.id, finding]));
    for (const { id, what, effect, mend } of current.values()) {
      if (!this.told.has(id)) logger.warn(`${what}. ${effect}`, { finding: id, hint: mend });
      this.told.set(id, what);
    }
    for (const [id, what] of this.told) {
      if (current.has(id)) continue;
      this.told.delete(id);
      logger.info(`no longer the case: ${what}`, { finding: id });
    }
  }
}
