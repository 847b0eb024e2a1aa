import { ByteScanner } from '../../contracts/index.js';
import { KeyedShapes } from './keyed-shape.js';
import { ReadBuffer } from './read-buffer.js';

/** Descriptors left to sockets, watches, modules and one-off reads. */
const RESERVE = 256;
const UNLIMITED = 1_048_576;
/** Descriptors that are given back at once when there are none left. */
const GIVEN_BACK = 32;

/**
 * How many kernel files may be kept open. A file beyond the budget is opened, read and closed at each read, and takes a
 * descriptor as soon as one becomes free. One budget, with the buffer its files read into, serves the whole agent.
 */
export class DescriptorBudget {
  /** What every file of this budget reads into. */
  readonly scratch = new ReadBuffer();
  /** For looking at what was read. */
  readonly scanner = new ByteScanner();
  /** What files of the same keys share. */
  readonly shapes = new KeyedShapes();
  /** Descriptors that may be kept. Falls when the system has none left for us. */
  limit: number;
  /** How often the system had no descriptor for us. */
  refusals = 0;
  /** Files whose descriptor is kept. */
  kept = 0;
  /** Files that are opened, read and closed at each read, for want of descriptors. */
  reopened = 0;

  /** @param limit descriptors that may be kept; 0: none */
  constructor(limit: number) {
    this.limit = Math.max(0, Math.floor(limit));
  }

  /**
   * The budget of this process: its hard limit (Node raises the soft one to it at start), less a reserve of 256
   * or, below 512, of half.
   * @param limits text of `/proc/self/limits`
   */
  static fromLimits(limits: string): DescriptorBudget {
    return new DescriptorBudget(allowance(limits, 'hard'));
  }

  /** How it is, for whoever tells. */
  use(): { readonly kept: number; readonly limit: number; readonly reopened: number } {
    const { kept, limit, reopened } = this;
    return { kept, limit, reopened };
  }

  /** Takes a descriptor. @returns false when the budget is used up */
  take(): boolean {
    if (this.kept >= this.limit) return false;
    this.kept++;
    return true;
  }

  giveBack(): void {
    this.kept--;
  }

  /** True when more descriptors are kept than may be: each file closes its own at its next read. */
  get overdrawn(): boolean {
    return this.kept > this.limit;
  }

  /** Tells the budget that the system refused a descriptor (`EMFILE`, `ENFILE`): fewer are kept from now on. */
  exhausted(): void {
    this.refusals++;
    this.limit = Math.max(0, Math.min(this.limit, this.kept - GIVEN_BACK));
  }
}

/** Descriptors that may be kept under a limit of the process. */
export function allowance(limits: string, which: 'soft' | 'hard'): number {
  const [, soft, hard] = /^Max open files\s+(\S+)\s+(\S+)/m.exec(limits) ?? [];
  const given = Number(which === 'soft' ? soft : hard);
  const open = Number.isInteger(given) ? given : UNLIMITED;
  return open - Math.min(RESERVE, Math.ceil(open / 2));
}
