import type { AppMetricSpec } from '../../../kernel/contracts/index.js';
import type { Family, FamilyTable } from './families.js';

const HELP = 'Metric of an application in a container.';
const MAX_HELP_LENGTH = 500;

export interface AppName {
  readonly family: Family;
  /** False once it was taken from its owner. */
  isValid: boolean;
  /** The first container that used it, whose names it counts among. */
  owner: string;
  /** The last scrape in which the owner, and in which another container, used it. */
  ownerScrape: number;
  otherScrape: number;
}

/**
 * The names of the application metrics of all containers, limited because containers may generate names. When the
 * limit is reached, a container with fewer names takes one of the container with most names. Unused names are released.
 */
export class AppNames {
  private readonly names = new Map<string, AppName>();
  private readonly owned = new Map<string, number>();
  private scrape = 0;
  /** Changes when refused names may have become available. */
  version = 0;

  constructor(
    private readonly families: FamilyTable,
    private readonly maxNames: number,
  ) {}

  /** Begins a scrape: releases names that the last two did not use. */
  begin(): void {
    this.scrape++;
    for (const [name, { ownerScrape, otherScrape }] of this.names) {
      if (Math.max(ownerScrape, otherScrape) < this.scrape - 2) this.free(name);
    }
  }

  /** @returns undefined when the container may not use more names; null when metrics of this name are excluded */
  take(
    name: string,
    container: string,
    spec: Partial<Pick<AppMetricSpec, 'type' | 'help'>> = {},
  ): AppName | undefined | null {
    let taken = this.names.get(name);
    if (taken === undefined) {
      if (!this.families.shows(name)) return null;
      if (this.names.size >= this.maxNames && !this.makeRoom(container)) return undefined;
      // The agent has metrics of its own process by these names: whoever comes first decides the type.
      const isCounter = spec.type === 'cumulative' || /^process_.*_total$/.test(name);
      const help = spec.help?.slice(0, MAX_HELP_LENGTH) || HELP;
      const family = this.families.acquire(name, isCounter ? 'counter' : 'gauge', help);
      taken = { family, isValid: true, owner: container, ownerScrape: this.scrape, otherScrape: -1 };
      this.names.set(name, taken);
      this.count(container, 1);
    }
    this.use(taken, container);
    return taken;
  }

  /** Records that a container has series of this name in the scrape. */
  use(name: AppName, container: string): void {
    if (name.owner === container) name.ownerScrape = this.scrape;
    else if (name.ownerScrape < this.scrape - 2) {
      this.count(name.owner, -1);
      this.count(container, 1);
      name.owner = container;
      name.ownerScrape = this.scrape;
    } else name.otherScrape = this.scrape;
  }

  /** Frees a name of the container with most names, unless this container would then have as many. */
  private makeRoom(container: string): boolean {
    let largest: string | undefined;
    for (const [owner, count] of this.owned) {
      if (largest === undefined || count > this.owned.get(largest)!) largest = owner;
    }
    if (largest === undefined || this.owned.get(largest)! <= (this.owned.get(container) ?? 0) + 1) return false;
    let victim: string | undefined;
    for (const [name, { owner, otherScrape }] of this.names) {
      if (owner === largest && otherScrape < this.scrape - 2) victim = name;
    }
    if (victim === undefined) return false;
    this.free(victim);
    return true;
  }

  private free(name: string): void {
    const freed = this.names.get(name)!;
    freed.isValid = false;
    this.names.delete(name);
    this.families.release(freed.family);
    this.count(freed.owner, -1);
    this.version++;
  }

  private count(owner: string, change: number): void {
    const count = (this.owned.get(owner) ?? 0) + change;
    if (count > 0) this.owned.set(owner, count);
    else this.owned.delete(owner);
  }
}
