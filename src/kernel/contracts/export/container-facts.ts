import type { ContainerView, ResourceLimits } from '../agent-view.js';
import type { ContainerDescription } from '../container.js';
import type { Families, MetricFamily } from './catalogue.js';
import { type FactSeries, factsOf } from './facts.js';

/** Limits are read again after one to two times this, so that not all of them are due at once. ms */
const LIMITS_AGE_MS = 30_000;
/** The same for limits that were unchanged when they were last read. ms */
const UNCHANGED_LIMITS_AGE_MS = 60_000;
/** Sooner in a container's first seconds: a runtime writes them after it made the cgroup. ms */
const FIRST_LIMITS_AGE_MS = 500;
const YOUNG_MS = 10_000;

/** A container's facts, with its limits read now and then: that takes a dozen system calls. */
export class ContainerFacts<F extends MetricFamily> {
  private limits: ResourceLimits | undefined;
  private limitsAgeMs = FIRST_LIMITS_AGE_MS;
  private limitsDueMs = Number.NEGATIVE_INFINITY;
  private known: readonly FactSeries<F>[] | undefined;

  /** @param view absent for a container that has ended */
  constructor(
    private readonly families: Families<F>,
    private readonly view?: ContainerView,
  ) {}

  /** Whether its limits should be read again. */
  limitsOverdue(nowMs: number): boolean {
    return this.view !== undefined && nowMs >= this.limitsDueMs;
  }

  /** Whether its limits were never read. */
  get isNew(): boolean {
    return this.limitsDueMs === Number.NEGATIVE_INFINITY;
  }

  /** Reads its limits. @param nowMs monotonic */
  readLimits(nowMs: number): void {
    const limits = this.view?.limits();
    const isYoung = Date.now() - (this.view?.createdAt ?? 0) / 1000 < YOUNG_MS;
    const isUnchanged = limits === this.limits;
    const settledAgeMs = isUnchanged ? UNCHANGED_LIMITS_AGE_MS : LIMITS_AGE_MS;
    this.limitsAgeMs = isYoung ? Math.min(this.limitsAgeMs * 2, LIMITS_AGE_MS) : settledAgeMs;
    this.limitsDueMs = nowMs + this.limitsAgeMs * (1 + Math.random());
    if (isUnchanged) return;
    this.limits = limits;
    this.known = undefined;
  }

  /** Whether its CPU time is limited. */
  get hasQuota(): boolean {
    return this.limits?.cpu.quota !== undefined;
  }

  /** The description is another one. A runtime that changed limits says so by it, so they are due. */
  changed(): void {
    this.known = undefined;
    if (!this.isNew) this.limitsDueMs = 0;
  }

  /** The same array until something changes. Asks for the time of creation only here: the view reads limits for it. */
  of(description: ContainerDescription): readonly FactSeries<F>[] {
    if (this.known === undefined) {
      const { limits, view } = this;
      const living = limits !== undefined && view !== undefined && { limits, createdAt: view.createdAt };
      this.known = factsOf({ description, ...living }, this.families);
    }
    return this.known;
  }
}
