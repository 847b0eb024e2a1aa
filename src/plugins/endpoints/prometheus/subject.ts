import type {
  ContainerDescription,
  ContainerView,
  ResourceLimits,
  SampleCursor,
} from '../../../kernel/contracts/index.js';
import { type FactLine, renderFacts } from './container-facts.js';
import { ContainerText, type LabelUnion } from './container-text.js';
import type { FamilyTable } from './families.js';

/** A container in the eyes of this endpoint: what is kept of it from scrape to scrape. */
export class Subject {
  readonly text: ContainerText;
  /** Points at the newest sample while the container is being written. */
  readonly cursor = {} as SampleCursor;
  private facts: readonly FactLine[] | undefined;
  private description: ContainerDescription;
  private limits: ResourceLimits | undefined;
  private limitsDue = Number.NEGATIVE_INFINITY;

  constructor(
    readonly name: string,
    description: ContainerDescription,
    union: LabelUnion,
    private readonly families: FamilyTable,
    /** Absent for a container that has ended. */
    readonly view?: ContainerView,
  ) {
    this.description = description;
    this.text = new ContainerText(name, description, union);
  }

  /** Takes in a new description. */
  update(description: ContainerDescription): void {
    if (description === this.description) return;
    this.description = description;
    this.text.update(description);
    this.facts = undefined;
  }

  /** Whether its limits should be read again. */
  limitsOverdue(now: number): boolean {
    return this.view !== undefined && now >= this.limitsDue;
  }

  /** Reads its limits again. @param due when to do so next, monotonic ms */
  readLimits(due: number): void {
    this.limitsDue = due;
    const limits = this.view?.limits();
    if (limits === this.limits) return;
    this.limits = limits;
    this.facts = undefined;
  }

  /** Whether its CPU time is limited. */
  get hasQuota(): boolean {
    return this.limits?.cpu.quota !== undefined;
  }

  factLines(): readonly FactLine[] {
    const { description, limits } = this;
    this.facts ??= renderFacts({ description, ...(limits !== undefined && { limits }) }, this.families);
    return this.facts;
  }

  leave(): void {
    this.text.leave();
  }
}
