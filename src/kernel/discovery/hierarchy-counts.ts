import { readFileSync } from 'node:fs';
import type { Hierarchies } from '../containers/index.js';
import { type KernelController, type Logger, messageOf, parseCgroups } from '../contracts/index.js';

/** Checks after which a hierarchy without a count is suspected. */
const UNCOUNTED_PERIOD = 5;
/** Consecutive checks with a count that is not explained, after which its hierarchy is suspected. */
const UNEXPLAINED_CHECKS = 2;
/** Checks after which what was found harmless is forgotten. */
const FORGET_PERIOD = 60;

/** What was found harmless: the lowest and the highest part of the count that known cgroups do not explain. */
interface Harmless {
  low: number;
  high: number;
  /** How many checks in a row found less than `low`, negative, or more than `high`. */
  beyond: number;
}

/**
 * Finds hierarchies that may have unknown cgroups, by the kernel's number of cgroups. It differs from the known number, as
 * removed cgroups are counted until the kernel frees them: where cgroups come and go all the time it differs by another
 * number at each check. A hierarchy is suspected when the difference is beyond all that were found harmless.
 */
export class HierarchyCounts {
  private readonly harmless: readonly Harmless[];
  private checks = 0;
  private complained = false;

  constructor(
    private readonly file: string | undefined,
    private readonly hierarchies: Hierarchies,
    private readonly logger: Logger,
  ) {
    // Nothing is in between: each hierarchy is suspected once.
    const [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    this.harmless = hierarchies.mounts.map(() => ({ low, high, beyond: 0 }));
  }

  /** @returns the hierarchies that may have directories not in `known`; all of them once at the beginning */
  suspects(known: readonly number[]): Set<number> {
    this.checks++;
    const suspects = new Set<number>();
    this.read().forEach((count, index) => {
      const suspect = Number.isNaN(count)
        ? this.checks % UNCOUNTED_PERIOD === 0
        : this.isSuspect(index, count - known[index]!);
      if (suspect) suspects.add(index);
    });
    return suspects;
  }

  /** Roughly the number of cgroups: the greatest count of a hierarchy; 0: unknown. */
  greatest(): number {
    return Math.max(0, ...this.read().filter((count) => !Number.isNaN(count)));
  }

  private isSuspect(index: number, unexplained: number): boolean {
    const known = this.harmless[index]!;
    if (this.checks % FORGET_PERIOD === 0 && unexplained >= known.low && unexplained <= known.high) {
      known.low = unexplained;
      known.high = unexplained;
    }
    const side = unexplained < known.low ? -1 : unexplained > known.high ? 1 : 0;
    known.beyond = side === 0 || side * known.beyond < 0 ? side : known.beyond + side;
    if (Math.abs(known.beyond) < UNEXPLAINED_CHECKS) return false;
    known.low = Math.min(known.low, unexplained);
    known.high = Math.max(known.high, unexplained);
    known.beyond = 0;
    return true;
  }

  /** The kernel's current counts by hierarchy; NaN: unknown. */
  private read(): number[] {
    const counts = this.file === undefined ? undefined : this.parse(this.file);
    return this.hierarchies.mounts.map(({ controllers }) => {
      const controller = controllers.find((name) => counts?.has(name));
      return controller === undefined ? Number.NaN : counts!.get(controller)!.cgroups;
    });
  }

  private parse(file: string): Map<string, KernelController> | undefined {
    try {
      return parseCgroups(readFileSync(file, 'latin1'));
    } catch (error) {
      if (!this.complained) this.logger.debug(`cgroups are not counted: ${messageOf(error)}`);
      this.complained = true;
      return undefined;
    }
  }
}
