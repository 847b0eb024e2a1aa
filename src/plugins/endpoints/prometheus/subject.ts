import type {
  AppMetricsSnapshot,
  ContainerAppMetrics,
  ContainerDescription,
  ContainerView,
  ResourceLimits,
  SampleCursor,
} from '../../../kernel/contracts/index.js';
import { type FactLine, renderFacts, type SharedTexts } from './container-facts.js';
import { ContainerText, type LabelUnion } from './container-text.js';
import type { FamilyTable } from './families.js';

/** Limits are read again after 30 to 60 s, so that not all of them are due at once. ms */
const LIMITS_AGE = 30_000;
/** Sooner in a container's first seconds: a runtime writes them after it made the cgroup. ms */
const FIRST_LIMITS_AGE = 500;
const YOUNG = 10_000;

/** A container in the eyes of this endpoint: what is kept of it from scrape to scrape. */
export class Subject {
  readonly text: ContainerText;
  /** Points at the newest sample while the container is being written. */
  readonly cursor = {} as SampleCursor;
  /** Whether there is such a sample. */
  isSampled = false;
  /** Metrics of its application, if anything collects them, and their values while the container is being written. */
  appMetrics: ContainerAppMetrics | undefined;
  appSnapshots: readonly AppMetricsSnapshot[] = [];
  /** Whether it was told what the limits took of its labels, and of the names of its application metrics. */
  lossTold = false;
  namesTold = false;
  private facts: readonly FactLine[] | undefined;
  private limits: ResourceLimits | undefined;
  private limitsAge = FIRST_LIMITS_AGE;
  private limitsDue = Number.NEGATIVE_INFINITY;

  constructor(
    readonly name: string,
    description: ContainerDescription,
    union: LabelUnion,
    private readonly families: FamilyTable,
    private readonly texts: SharedTexts,
    /** Absent for a container that has ended. */
    readonly view?: ContainerView,
  ) {
    this.text = new ContainerText(name, description, union, view !== undefined);
  }

  /** Takes in a new description. */
  update(description: ContainerDescription): void {
    if (this.text.update(description)) this.facts = undefined;
  }

  /** Whether its limits should be read again. */
  limitsOverdue(now: number): boolean {
    return this.view !== undefined && now >= this.limitsDue;
  }

  /** Whether its limits were never read. */
  get isNew(): boolean {
    return this.limitsDue === Number.NEGATIVE_INFINITY;
  }

  /** Reads its limits. @param now monotonic ms */
  readLimits(now: number): void {
    const limits = this.view?.limits();
    const isYoung = Date.now() - (this.view?.createdAt ?? 0) / 1000 < YOUNG;
    this.limitsAge = isYoung ? Math.min(this.limitsAge * 2, LIMITS_AGE) : LIMITS_AGE;
    this.limitsDue = now + this.limitsAge * (1 + Math.random());
    if (limits === this.limits) return;
    this.limits = limits;
    this.facts = undefined;
  }

  /** Whether its CPU time is limited. */
  get hasQuota(): boolean {
    return this.limits?.cpu.quota !== undefined;
  }

  factLines(): readonly FactLine[] {
    this.facts ??= this.renderFacts();
    return this.facts;
  }

  leave(): void {
    this.text.leave();
  }

  /** Asks for the time of creation only here: the view reads limits for it. */
  private renderFacts(): readonly FactLine[] {
    const { limits, view, text } = this;
    const living = limits !== undefined && view !== undefined && { limits, createdAt: view.createdAt };
    return renderFacts({ description: text.description, ...living }, this.families, this.texts);
  }
}
