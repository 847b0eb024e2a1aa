import type { BudgetReduction, BudgetResource, BudgetStatus, Clock, Logger } from '../contracts/index.js';

const REDUCTION_KINDS = ['intervals', 'sinks', 'handlers', 'sets', 'history', 'queries', 'descriptors'] as const;

/** What is given up now, as said in the log, by kind. */
export type Reductions = ReadonlyMap<BudgetReduction['kind'], Omit<BudgetReduction, 'kind' | 'since'>>;

/** Remembers since when something is given up, and logs each change once. */
export class ReductionLog {
  private current = new Map<BudgetReduction['kind'], BudgetReduction>();

  constructor(
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  get reductions(): readonly BudgetReduction[] {
    return [...this.current.values()];
  }

  /** @returns whether something differs from before */
  update(now: Reductions): boolean {
    let hasChanged = false;
    for (const kind of REDUCTION_KINDS) {
      const before = this.current.get(kind);
      const after = now.get(kind);
      if (before?.text === after?.text) continue;
      hasChanged = true;
      if (after === undefined) {
        this.current.delete(kind);
        this.logger.info(`no longer needed to keep within the budget: ${before!.text}`, { reduction: kind });
        continue;
      }
      this.current.set(kind, { kind, ...after, since: before?.since ?? this.clock.now() });
      const text = `to keep within its ${RESOURCE_NAMES[after.resource]} budget the agent does less: ${after.text}`;
      if (before === undefined) this.logger.warn(text, { reduction: kind, hint: 'see docs/budget.md' });
      else this.logger.info(text, { reduction: kind });
    }
    return hasChanged;
  }
}

const RESOURCE_NAMES: Record<BudgetResource, string> = {
  cpu: 'CPU',
  memory: 'memory',
  descriptors: 'descriptor',
};

/** `3.2 %` of one CPU, `117 MiB`, `1204`. */
export function formatUse(resource: BudgetResource, value: number): string {
  if (resource === 'cpu') return `${Math.round(value * 1000) / 10} %`;
  return resource === 'memory' ? `${Math.round(value / 2 ** 20)} MiB` : String(Math.round(value));
}

/** The findings that a status leads to. */
export function budgetFindings({ resources, reductions, largest }: BudgetStatus) {
  const who = largest.length === 0 ? '' : `; the most CPU time goes to ${largest.join(', ')}`;
  const reduced = reductions.map(({ kind, resource, text, since }) => ({
    id: `budget-${kind}`,
    severity: 'warning' as const,
    what: `to keep within its ${RESOURCE_NAMES[resource]} budget the agent does less since ${new Date(since / 1000).toISOString()}: ${text}`,
    effect: EFFECTS[kind],
    mend: `set a larger budget.${resource}, or the limit of the unit, if the host can spare it${resource === 'cpu' ? who : ''}`,
  }));
  const exceeded = resources
    .filter(({ isExceeded }) => isExceeded)
    .map(({ resource, used, limit }) => ({
      id: `budget-${resource}-exceeded`,
      severity: 'error' as const,
      what: `the agent uses ${formatUse(resource, used)} where its ${RESOURCE_NAMES[resource]} budget is ${formatUse(resource, limit)}, with everything reduced that can be`,
      effect: 'The host pays for it; the kernel may throttle or end the agent where its unit has a limit.',
      mend: `remove plugins that are not needed, or set a larger budget.${resource}${who}`,
    }));
  return [...exceeded, ...reduced];
}

const EFFECTS: Record<BudgetReduction['kind'], string> = {
  intervals: 'Samples of these containers are further apart; counters lose nothing.',
  sinks: 'What these sinks send has fewer samples; counters lose nothing.',
  handlers: 'What these runtimes tell only when asked (disk usage, missed events) is older.',
  sets: 'These metrics are absent from the API and from /metrics.',
  history: 'Older samples are not available.',
  queries: 'Some requests are answered with 503 and Retry-After.',
  descriptors: 'A sample costs about twice the CPU time.',
};
