import type { PluginKind } from '../../../kernel/contracts/index.js';

/** What the process of the checks is to do. */
export interface CheckJob {
  /** As the user gave it. */
  readonly path: string;
  /** That a relative path counts from. */
  readonly directory: string;
  /** Absent: those of the first test case. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Write what the test cases give as what is expected. */
  readonly update: boolean;
}

/** One thing that was looked at. */
export interface CheckResult {
  readonly check: string;
  /** Empty: all is well. */
  readonly problems: readonly string[];
  readonly remark?: string;
}

/** What the process tells, in the order of time. */
export type CheckNews =
  | { readonly type: 'plugin'; readonly kind: PluginKind; readonly name: string; readonly module: string }
  | { readonly type: 'checking'; readonly check: string }
  | { readonly type: 'result'; readonly result: CheckResult }
  | { readonly type: 'done' };

/** What is looked at first. */
export const LOADING = 'can be loaded';
