import { readFileSync } from 'node:fs';
import type { Hierarchies } from '../containers/index.js';
import { type KernelController, type Logger, messageOf, parseCgroups } from '../contracts/index.js';

/** Checks after which a hierarchy without a count is suspected. */
const UNCOUNTED_PERIOD = 5;
/** Checks after which a constantly changing count makes its hierarchy suspected. */
const UNSTABLE_CHECKS = 3;

/**
 * Finds hierarchies that may have unknown cgroups, by the kernel's number of cgroups: those where the unexplained part
 * of the count changed and then was stable for two checks (removed cgroups are counted until the kernel frees them),
 * or changes at every check.
 */
export class HierarchyCounts {
  private readonly file: string | undefined;
  private readonly hierarchies: Hierarchies;
  private readonly logger: Logger;
  /** The unexplained part of the count when the hierarchy was last suspected. */
  private readonly explained: number[];
  private readonly last: number[];
  private readonly restless: number[];
  private checks = 0;
  private complained = false;

  constructor(file: string | undefined, hierarchies: Hierarchies, logger: Logger) {
    this.file = file;
    this.hierarchies = hierarchies;
    this.logger = logger;
    this.explained = hierarchies.mounts.map(() => Number.NaN);
    this.last = hierarchies.mounts.map(() => Number.NaN);
    this.restless = hierarchies.mounts.map(() => 0);
  }

  /** @returns the hierarchies that may have directories not in `known`; all of them once at the beginning */
  suspects(known: readonly number[]): Set<number> {
    this.checks++;
    const suspects = new Set<number>();
    this.read().forEach((count, index) => {
      const suspect = Number.isNaN(count)
        ? this.checks % UNCOUNTED_PERIOD === 0
        : this.hasChanged(index, count - known[index]!);
      if (suspect) suspects.add(index);
    });
    return suspects;
  }

  /** Roughly the number of cgroups: the greatest count of a hierarchy; 0: unknown. */
  greatest(): number {
    return Math.max(0, ...this.read().filter((count) => !Number.isNaN(count)));
  }

  private hasChanged(index: number, unknown: number): boolean {
    const settled = unknown === this.last[index];
    this.last[index] = unknown;
    if (unknown === this.explained[index]) {
      this.restless[index] = 0;
      return false;
    }
    this.restless[index]!++;
    if (!settled && this.restless[index]! < UNSTABLE_CHECKS) return false;
    this.restless[index] = 0;
    this.explained[index] = unknown;
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
