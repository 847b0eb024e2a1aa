import { readFileSync } from 'node:fs';
import { type Logger, messageOf } from '../contracts/index.js';
import type { WatchedHierarchies } from './types.js';

/** Looks between two checks of a hierarchy that has no count. */
const UNCOUNTED_PERIOD = 5;

/** Number of cgroups by controller from the text of `/proc/cgroups`; odd lines are skipped. */
export function parseCgroupCounts(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const line of text.split('\n')) {
    const match = /^([^#\s]\S*)\s+\d+\s+(\d+)\s+\d+\s*$/.exec(line);
    if (match !== null) counts.set(match[1]!, Number(match[2]));
  }
  return counts;
}

/**
 * Tells from the kernel's number of cgroups per hierarchy where there is one that nobody has seen. Only growth counts,
 * and only when two looks agree: removed cgroups are counted until the kernel has freed them.
 */
export class HierarchyCounts {
  readonly #file: string | undefined;
  readonly #hierarchies: WatchedHierarchies;
  readonly #logger: Logger;
  readonly #base: number[];
  readonly #last: number[];
  #looks = 0;
  #complained = false;

  constructor(file: string | undefined, hierarchies: WatchedHierarchies, logger: Logger) {
    this.#file = file;
    this.#hierarchies = hierarchies;
    this.#logger = logger;
    this.#base = hierarchies.mounts.map(() => Number.NaN);
    this.#last = hierarchies.mounts.map(() => Number.NaN);
  }

  /** The kernel's numbers now, by hierarchy; NaN where there is none. */
  read(): number[] {
    const counts = this.#file === undefined ? undefined : this.#parse(this.#file);
    return this.#hierarchies.mounts.map(({ controllers }) => {
      const controller = controllers.find((name) => counts?.has(name));
      return controller === undefined ? Number.NaN : counts!.get(controller)!;
    });
  }

  /** Sets what is normal: numbers read before the tree was walked, and what the walk found. */
  settle(counts: readonly number[], known: readonly number[]): void {
    counts.forEach((count, index) => {
      this.#base[index] = count - known[index]!;
      this.#last[index] = this.#base[index]!;
    });
  }

  /** @returns the hierarchies that may have directories not in `known` */
  suspects(known: readonly number[]): Set<number> {
    this.#looks++;
    const suspects = new Set<number>();
    this.read().forEach((count, index) => {
      if (Number.isNaN(count)) {
        if (this.#looks % UNCOUNTED_PERIOD === 0) suspects.add(index);
        return;
      }
      const unknown = count - known[index]!;
      const lasting = Math.min(unknown, this.#last[index]!);
      this.#last[index] = unknown;
      if (lasting > this.#base[index]!) suspects.add(index);
      this.#base[index] = lasting;
    });
    return suspects;
  }

  #parse(file: string): Map<string, number> | undefined {
    try {
      return parseCgroupCounts(readFileSync(file, 'latin1'));
    } catch (error) {
      if (!this.#complained) this.#logger.debug(`cgroups are not counted: ${messageOf(error)}`);
      this.#complained = true;
      return undefined;
    }
  }
}
