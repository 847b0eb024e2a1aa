import type { PluginKind } from '../../../kernel/contracts/index.js';

/** Argument of the process that runs the checks. */
export interface CheckJob {
  /** As the user gave it. */
  readonly path: string;
  /** Base of a relative path. */
  readonly directory: string;
  /** Default: those of the first test case. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Write the output of the test cases as their expected output. */
  readonly update: boolean;
}

export interface CheckResult {
  readonly check: string;
  /** Empty if the check passed. */
  readonly problems: readonly string[];
  readonly remark?: string;
}

/** Messages of the process, in the order of time. */
export type CheckMessage =
  | { readonly type: 'plugin'; readonly kind: PluginKind; readonly name: string; readonly module: string }
  | { readonly type: 'checking'; readonly check: string }
  | { readonly type: 'result'; readonly result: CheckResult }
  | { readonly type: 'done' };

export const LOADING = 'can be loaded';
