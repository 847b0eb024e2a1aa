import type { Clock, ContainerView } from '../../../kernel/contracts/index.js';
import { coresLimit, finiteLimit } from '../common/index.js';

/** What is read from the kernel's files rather than from samples. NaN: no limit, or unknown. */
export interface Reading {
  cores: number;
  memory: number;
  processes: number;
  /** Monotonic ms. */
  readAt: number;
}

/** A reading is as good as new for this long, ms. */
const FRESH_MS = 10_000;
/** Time for readings per round, ms. What has no reading yet is read in any case. */
const BUDGET_MS = 2;

/**
 * Limits and numbers of processes. Reading them takes several system calls per container, so in each round only the
 * oldest are renewed, within a budget: a thousand containers take a few rounds.
 */
export class PacedReadings {
  private readonly known = new WeakMap<ContainerView, Reading>();
  private end = 0;

  constructor(private readonly clock: Clock) {}

  begin(): void {
    this.end = this.clock.monotonic() + BUDGET_MS;
  }

  of(container: ContainerView): Reading {
    const known = this.known.get(container);
    const now = this.clock.monotonic();
    if (known !== undefined && (now - known.readAt < FRESH_MS || now > this.end)) return known;
    const limits = container.limits();
    const reading = {
      cores: coresLimit(limits) ?? Number.NaN,
      memory: finiteLimit(limits.memory.limit) ?? Number.NaN,
      processes: container.processIds().length,
      readAt: now,
    };
    this.known.set(container, reading);
    return reading;
  }
}
