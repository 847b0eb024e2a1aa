import type { ContainerDescription } from './container.js';

/** A measurement that supports a finding. */
export interface Evidence {
  /** For people, with numbers and units: `throttled in 580 of 600 periods`. */
  readonly text: string;
  /** Its numbers, with units in their names: `{ throttled_periods: 580, periods: 600 }`. */
  readonly values: Readonly<Record<string, number>>;
  /** Start of the time span, µs since the epoch. */
  readonly start: number;
  readonly end: number;
}

/** A line that fixes a problem, and its tool. */
export interface MendLine {
  /** `compose` and `kubernetes` lines go into a file; the others are commands. */
  readonly tool: 'docker' | 'podman' | 'compose' | 'systemd' | 'kubernetes' | 'shell';
  readonly line: string;
}

/** A finding of a rule. */
export interface RuleFinding {
  /**
   * How bad it is, 0 … 100: findings are ranked by it. From 70: `error` (work is lost or stands still); from 30: `warning`
   * (slower than it need be, or soon to fail); below: `info`.
   */
  readonly harm: number;
  /** The problem, in one sentence. */
  readonly what: string;
  /** Its effect on users of the container, in one sentence. */
  readonly meaning: string;
  /** At least one. */
  readonly evidence: readonly Evidence[];
  /** The fix, in one sentence. */
  readonly mend: string;
  /** The lines of the fix, that of the container's own runtime first; empty if there is none. */
  readonly lines?: readonly MendLine[];
}

/** A rule in answers. */
export interface RuleInfo {
  /** Unique over all plugins: `cpu-throttled`. */
  readonly id: string;
  /** Its subject in a few words: `CPU quota`. */
  readonly title: string;
}

/** A finding in answers. */
export interface DiagnosedFinding extends RuleFinding {
  /** Id of the rule. */
  readonly rule: string;
  readonly severity: 'error' | 'warning' | 'info';
}

/** The findings about one container, and the applied rules. */
export interface Diagnosis {
  /** Absolute container name. */
  readonly name: string;
  readonly description: ContainerDescription;
  /** False for a container that ended. */
  readonly isRunning: boolean;
  /** µs since the epoch */
  readonly time: number;
  /** Most severe first. */
  readonly findings: readonly DiagnosedFinding[];
  /** Rules that were applied. */
  readonly lookedAt: readonly RuleInfo[];
  /** Rules that could not be applied, and why. */
  readonly notLookedAt: readonly { readonly rule: RuleInfo; readonly reason: string }[];
}
