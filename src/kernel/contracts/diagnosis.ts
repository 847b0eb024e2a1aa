import type { ContainerDescription } from './container.js';

/** Something measured that shows that a finding is true. */
export interface Evidence {
  /** For people, with numbers and units: `throttled in 580 of 600 periods`. */
  readonly text: string;
  /** The numbers in it, with the unit in the name where there is one: `{ throttled_periods: 580, periods: 600 }`. */
  readonly values: Readonly<Record<string, number>>;
  /** The time span that it is about, µs since the epoch. */
  readonly start: number;
  readonly end: number;
}

/** A line that mends something, and which tool takes it. */
export interface MendLine {
  /** `compose` and `kubernetes` lines go into a file; the others are commands. */
  readonly tool: 'docker' | 'podman' | 'compose' | 'systemd' | 'kubernetes' | 'shell';
  readonly line: string;
}

/** What a rule found about one subject. */
export interface RuleFinding {
  /**
   * How bad it is, 0 … 100: findings are ranked by it. From 70: `error` (work is lost or stands still); from 30: `warning`
   * (slower than it need be, or soon to fail); below: `info`.
   */
  readonly harm: number;
  /** What is the case, in one sentence. */
  readonly what: string;
  /** What that means for whoever uses the container, in one sentence. */
  readonly meaning: string;
  /** At least one. */
  readonly evidence: readonly Evidence[];
  /** What to do, in one sentence. */
  readonly mend: string;
  /** The exact lines that do it, the one for the subject's own runtime first; empty where no line does. */
  readonly lines?: readonly MendLine[];
}

/** A rule, as answers name it. */
export interface RuleInfo {
  /** Unique over all plugins: `cpu-throttled`. */
  readonly id: string;
  /** What it looks at, a few words: `CPU quota`. */
  readonly title: string;
}

/** A finding as the agent answers it. */
export interface DiagnosedFinding extends RuleFinding {
  /** Id of the rule. */
  readonly rule: string;
  readonly severity: 'error' | 'warning' | 'info';
}

/** What is wrong with one container, and what was looked at. */
export interface Diagnosis {
  /** Absolute container name. */
  readonly name: string;
  readonly description: ContainerDescription;
  /** False for a container that ended. */
  readonly isRunning: boolean;
  /** µs since the epoch */
  readonly time: number;
  /** The worst first. */
  readonly findings: readonly DiagnosedFinding[];
  /** Rules that were applied. */
  readonly lookedAt: readonly RuleInfo[];
  /** Rules that could not be applied, and why. */
  readonly notLookedAt: readonly { readonly rule: RuleInfo; readonly reason: string }[];
}
