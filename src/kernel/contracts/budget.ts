export type BudgetResource = 'cpu' | 'memory' | 'descriptors';

/** Something that the agent does less of to keep within its budget. */
export interface BudgetReduction {
  readonly kind: 'intervals' | 'sinks' | 'handlers' | 'sets' | 'history' | 'queries' | 'descriptors';
  /** The resource that is short. */
  readonly resource: BudgetResource;
  /** What is reduced, in words. */
  readonly text: string;
  /**
   * How much: containers that are sampled less often, sinks that send and handlers that ask less often, sets left out, share of
   * the history that is not kept, CPU time per time that expensive requests get, files opened for each read.
   */
  readonly amount: number;
  /** µs since the epoch */
  readonly since: number;
}

/** What the agent uses of what it may use, and what it gives up for that. */
export interface BudgetStatus {
  /** The resources that have a limit, by the configuration or by the agent's own cgroup. */
  readonly resources: readonly {
    readonly resource: BudgetResource;
    /** CPU: 1 is one CPU; memory: bytes. */
    readonly used: number;
    readonly limit: number;
    /** Whether more is used although nothing is left to reduce. */
    readonly isExceeded: boolean;
  }[];
  readonly reductions: readonly BudgetReduction[];
  /** Requests answered with 503. */
  readonly refusedQueries: number;
  /** How often something was reduced or taken back. */
  readonly changes: number;
  /** The plugins that take the most CPU time, in words. */
  readonly largest: readonly string[];
}
