import { Token } from '../composition/index.js';
import { type ContainerStore, handlerFindings } from '../containers/index.js';
import type { AgentSelf, Clock, Finding, Logger } from '../contracts/index.js';
import type { ActivePlugins } from '../supervision/index.js';
import {
  ClockWatch,
  descriptorFinding,
  logFinding,
  sinkFindings,
  type WatchUse,
  watchFinding,
} from './agent-checks.js';
import {
  controllerFindings,
  type HostFacts,
  kernelLogFinding,
  mountFindings,
  pressureFinding,
  procFinding,
} from './host-checks.js';

export const DOCTOR = new Token<Doctor>('doctor');

const CHECK_INTERVAL_MS = 10_000;
const CHECKS_PER_EXAMINATION = 6;
/** Findings that no other part of the agent logs. */
const LOGGED_FINDINGS = new Set(['clock-jump', 'descriptors', 'memory-report', 'proc-hidden']);
const RANK: Record<Finding['severity'], number> = { error: 0, warning: 1, info: 2 };

export interface DoctorOptions extends HostFacts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly descriptors: () => AgentSelf['descriptors'];
  readonly log: () => AgentSelf['log'];
  readonly cgroups: WatchUse;
  readonly plugins: Pick<ActivePlugins, 'of'>;
  readonly containers: Pick<ContainerStore, 'all'>;
  readonly budget: { findings(): readonly Finding[] };
}

/** Finds why numbers are missing, and how to fix it. */
export class Doctor {
  private agentFindings: readonly Finding[] = [];
  private pluginFindings: readonly Finding[] = [];
  /** Numbers of the last started examination and of the one that `pluginFindings` are from. */
  private lastStarted = 0;
  private lastFinished = 0;
  private readonly clockWatch: ClockWatch;
  private timer: NodeJS.Timeout | undefined;
  private checks = 0;
  /** Logged findings that still apply: id → text. */
  private readonly logged = new Map<string, string>();

  constructor(private readonly options: DoctorOptions) {
    this.clockWatch = new ClockWatch(options.clock);
  }

  start(): void {
    void this.examine();
    this.timer = setInterval(() => {
      this.clockWatch.check();
      if (++this.checks % CHECKS_PER_EXAMINATION === 0) void this.examine();
    }, CHECK_INTERVAL_MS);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** The findings of the last minute, most severe first. */
  findings(): readonly Finding[] {
    return [...this.agentFindings, ...this.pluginFindings].sort(
      (a, b) => RANK[a.severity] - RANK[b.severity] || (a.id < b.id ? -1 : 1),
    );
  }

  /** Examines the host now. Findings of plugins may take a while; the others are immediate. */
  async examine(): Promise<readonly Finding[]> {
    const number = ++this.lastStarted;
    this.agentFindings = this.runChecks();
    this.logChanges();
    const pluginFindings = await handlerFindings(this.options.plugins, this.options.containers).catch((error) => {
      this.options.logger.debug('the plugins cannot be asked for findings', { error: String(error) });
      return [];
    });
    // A later examination may finish first.
    if (number > this.lastFinished) {
      this.lastFinished = number;
      this.pluginFindings = pluginFindings;
    }
    return this.findings();
  }

  private runChecks(): Finding[] {
    const { options } = this;
    const checks: (() => readonly Finding[] | Finding | undefined)[] = [
      () => controllerFindings(options),
      () => pressureFinding(options),
      () => procFinding(options),
      () => kernelLogFinding(options),
      () => mountFindings(options),
      () => watchFinding(options.paths, options.cgroups),
      () => this.descriptorFinding(),
      () => logFinding(options.log()),
      () => sinkFindings(options.plugins, options.clock.now()),
      () => this.clockWatch.finding(),
      () => options.budget.findings(),
    ];
    const found: (Finding | readonly Finding[])[] = [];
    for (const check of checks) {
      try {
        found.push(check() ?? []);
      } catch (error) {
        options.logger.debug('a check failed', { error: String(error) });
      }
    }
    return found.flat();
  }

  /** Where the budget is what limits descriptors, a higher limit of the process would change nothing. */
  private descriptorFinding(): Finding | undefined {
    const { budget, descriptors } = this.options;
    const isBudget = budget.findings().some(({ id }) => id === 'budget-descriptors');
    return isBudget ? undefined : descriptorFinding(descriptors());
  }

  /** Logs findings when they appear and when they are resolved. */
  private logChanges(): void {
    const { logger } = this.options;
    const current = new Map(
      this.agentFindings.filter(({ id }) => LOGGED_FINDINGS.has(id)).map((finding) => [finding.id, finding]),
    );
    for (const { id, what, effect, mend } of current.values()) {
      if (!this.logged.has(id)) logger.warn(`${what}. ${effect}`, { finding: id, hint: mend });
      this.logged.set(id, what);
    }
    for (const [id, what] of this.logged) {
      if (current.has(id)) continue;
      this.logged.delete(id);
      logger.info(`no longer the case: ${what}`, { finding: id });
    }
  }
}
