import type { AgentView, ContainerView } from './agent-view.js';
import type { ContainerDescription } from './container.js';
import type { RuleFinding, RuleInfo } from './diagnosis.js';
import type { ContainerEvent } from './events.js';

/** A change of one counter between two samples. */
export interface Increase {
  readonly by: number;
  /** Seconds between the two samples. */
  readonly seconds: number;
  /** Times of the two samples, µs since the epoch. */
  readonly start: number;
  readonly end: number;
}

/** One column of a field with labels. */
export interface LabelledValue {
  /** Values of the field's dimensions. */
  readonly labels: readonly string[];
  readonly value: number;
}

/** What a rule judges: a container that runs, the machine (`/`), or a container that ended a short while ago. */
export interface RuleSubject {
  /** Absolute container name. */
  readonly name: string;
  readonly isHost: boolean;
  readonly description: ContainerDescription;
  /** Absent for a container that ended: of those only the description and events are known. */
  readonly container: ContainerView | undefined;
  readonly agent: AgentView;
  /** The machine; absent when no handler accepts `/`. */
  readonly host: RuleSubject | undefined;
  /** Every container that runs, `/` included, sorted by name. */
  readonly all: readonly RuleSubject[];
  /** When the question was asked, µs since the epoch. */
  readonly now: number;
  /** When the newest sample was taken, µs since the epoch; 0 without one. */
  readonly latestTime: number;
  /** The field in the newest sample; NaN when it is not there. */
  latest(field: string): number;
  /** Every column of the field in the newest sample. */
  latestOf(field: string): readonly LabelledValue[];
  /**
   * How much a counter grew over the last minute, or since the oldest sample. `undefined` when there are no two samples
   * a second apart that have it, or when it went back.
   */
  increase(field: string): Increase | undefined;
  /** The same for every column of a field with labels; those that cannot be compared are left out. */
  increasesOf(field: string): readonly (Increase & { readonly labels: readonly string[] })[];
  /** Each column of the field in the oldest sample that is kept and has it, for trends; the newest sample is left out. */
  oldestOf(field: string): readonly (LabelledValue & { readonly time: number })[];
  /** Events of this container in the last hour, oldest first. */
  readonly events: readonly ContainerEvent[];
}

/** Fields that a rule cannot do without. */
export interface RuleNeed {
  /** One of them is enough. */
  readonly anyOf: readonly string[];
  /** The metric sources that give them, by the name in the configuration. */
  readonly sources: readonly string[];
}

/**
 * What must be the case for a rule to find anything. `judge` is not called otherwise, which makes questions about all
 * containers cheap. All conditions that are given must hold.
 */
export interface RulePrecondition {
  /** One of these fields is above 0 in the newest sample. A counter that is 0 cannot have grown. */
  readonly anyAboveZero?: readonly string[];
  /** Holds for the machine. Asked once per question; false when no handler accepts `/`. */
  readonly host?: (host: RuleSubject) => boolean;
  /**
   * In the last hour there was an event besides creations, or the runtime says more than that the container runs: it
   * ended, is being restarted, was killed for lack of memory, or its health check does not pass.
   */
  readonly incident?: true;
}

/** One kind of trouble that `why` recognises. Rules are data: thresholds are part of `help`, and nothing is kept between calls. */
export interface Rule extends RuleInfo {
  /** When it finds something, with its thresholds, and what it cannot see: the rule's part of `docs/why.md`. */
  readonly help: string;
  /** What it judges. */
  readonly scope: 'containers' | 'host' | 'both';
  /** Without one of these a subject was not looked at, and the answer says so. Ended containers have no fields. */
  readonly needs?: readonly RuleNeed[];
  /** Applied to containers that run, and to the machine. */
  readonly precondition?: RulePrecondition;
  /**
   * Judges one subject. Synchronous, from memory, and the same for the same samples: about 2 µs for a healthy container,
   * as every container is asked about (`precondition` saves the call). Limits (`container.limits()`) are read from files: only when samples give a reason.
   * @returns undefined when nothing is wrong
   */
  judge(subject: RuleSubject): RuleFinding | undefined;
}

/** What any plugin instance may have besides what its kind has. */
export interface RuleProvider {
  /** Rules for `tallyman why`, such as one about the metrics that the plugin gives. Must not change. */
  readonly rules?: readonly Rule[];
}
