import { type ContainerStore, handlerFindings } from '../containers/index.js';
import type { AgentSelf, Clock, Finding, Logger } from '../contracts/index.js';
import type { ActivePlugins } from '../supervision/index.js';
import {
  ClockWatch,
  descriptorFindings,
  logFindings,
  sinkFindings,
  type WatchUse,
  watchFindings,
} from './agent-checks.js';
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
  readonly cgroups: WatchUse;
  readonly plugins: Pick<ActivePlugins, 'of'>;
  readonly containers: Pick<ContainerStore, 'all'>;
}

/** Finds out what takes numbers away, and how to mend it. */
export class Doctor {
  /** Those of the host and the agent, and those of plugins. */
  private own: readonly Finding[] = [];
  private others: readonly Finding[] = [];
  /** Number of the examination that was begun last, and of the one that `others` are from. */
  private begun = 0;
  private answered = 0;
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
    return [...this.own, ...this.others].sort((a, b) => RANK[a.severity] - RANK[b.severity] || (a.id < b.id ? -1 : 1));
  }

  /** Looks now. What plugins find may take a while; the rest is known at once. */
  async examine(): Promise<readonly Finding[]> {
    const number = ++this.begun;
    this.own = this.look();
    this.tell();
    const others = await handlerFindings(this.options.plugins, this.options.containers).catch((error) => {
      this.options.logger.debug('the plugins cannot be asked for findings', { error: String(error) });
      return [];
    });
    // An examination that was begun later may be over before this one.
    if (number > this.answered) {
      this.answered = number;
      this.others = others;
    }
    return this.findings();
  }

  private look(): Finding[] {
    const { options } = this;
    const checks: (() => readonly Finding[])[] = [
      () => controllerFindings(options),
      () => pressureFindings(options),
      () => procFindings(options),
      () => kernelLogFindings(options),
      () => mountFindings(options),
      () => watchFindings(options.paths, options.cgroups),
      () => descriptorFindings(options.descriptors()),
      () => logFindings(options.log()),
      () => sinkFindings(options.plugins, options.clock.now()),
      () => this.clockWatch.findings(),
    ];
    const found: Finding[] = [];
    for (const check of checks) {
      try {
        found.push(...check());
      } catch (error) {
        options.logger.debug('a check failed', { error: String(error) });
      }
    }
    return found;
  }

  /** A finding is told when it comes, and when it has gone. */
  private tell(): void {
    const { logger } = this.options;
    const current = new Map(this.own.filter(({ id }) => TOLD.has(id)).map((finding) => [finding.id, finding]));
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
