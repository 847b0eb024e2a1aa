import { closeSync, openSync } from 'node:fs';
import { allowance, type DescriptorBudget } from './descriptor-budget.js';
import { readText } from './text.js';

/** Looks without trouble after which more descriptors are kept again, and how many more. */
const CALM = 30;
/** ms */
const LOOK_EVERY = 2_000;
const STEP = 256;

/**
 * Notices when the process has no descriptors left, and lets the budget give some back. Nobody else would: a connection
 * that cannot be accepted is closed without a word.
 */
export class DescriptorSentinel {
  private calm = 0;
  private timer: NodeJS.Timeout | undefined;

  /** @param isFree whether a descriptor can be had now */
  constructor(
    private readonly budget: DescriptorBudget,
    private readonly isFree: () => boolean = canOpen,
    private readonly limits: () => string = () => readText('/proc/self/limits') ?? '',
  ) {}

  /** Looks now and then. */
  start(): void {
    this.timer = setInterval(() => this.look(), LOOK_EVERY).unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** Looks once. */
  look(): void {
    if (!this.isFree()) {
      this.calm = 0;
      this.budget.exhausted();
      return;
    }
    if (++this.calm % CALM !== 0 || this.budget.refusals === 0) return;
    const allowed = allowance(this.limits(), 'soft');
    if (allowed > this.budget.limit) this.budget.limit = Math.min(allowed, this.budget.limit + STEP);
  }
}

function canOpen(): boolean {
  try {
    closeSync(openSync('/dev/null', 'r'));
    return true;
  } catch {
    return false;
  }
}
