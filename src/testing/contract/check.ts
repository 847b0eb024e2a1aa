import type { Plugin } from '../../kernel/contracts/index.js';

/** The result of one check. */
export interface ContractFinding {
  /** Name of the check: `leaves nothing behind`. */
  readonly check: string;
  /** Empty when the check passed. */
  readonly problems: readonly string[];
  /** What could not be checked, and why. */
  readonly remark?: string;
}

/** Problems, or problems and a remark. */
export type CheckOutcome = readonly string[] | { readonly problems: readonly string[]; readonly remark: string };

export interface Check {
  readonly name: string;
  run(): CheckOutcome | Promise<CheckOutcome>;
}

/** What the checks of one plugin share. */
export interface CheckSetup {
  readonly plugin: Plugin;
  /** Options that its schema accepted. */
  readonly options: unknown;
}

const MOST = 8;

/** Limits the number of problems of one kind: one broken rule can occur in hundreds of places. */
export class Problems {
  private readonly found = new Map<string, number>();

  add(text: string): void {
    this.found.set(text, (this.found.get(text) ?? 0) + 1);
  }

  /** Runs a call that must not throw. @returns undefined when it did */
  attempt<T>(what: string, call: () => T): T | undefined {
    try {
      return call();
    } catch (error) {
      this.add(`${what} threw ${describe(error)}`);
      return undefined;
    }
  }

  list(): string[] {
    const texts = [...this.found].map(([text, times]) => (times === 1 ? text : `${text} (${times} times)`));
    return texts.length <= MOST ? texts : [...texts.slice(0, MOST), `… and ${texts.length - MOST} more`];
  }
}

/** The thrown error, with its location in the plugin where known. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return JSON.stringify(error) ?? String(error);
  const place = /\n\s+at ((?:async )?.*)/.exec(error.stack ?? '')?.[1];
  return `${error.name}: ${error.message}${place === undefined ? '' : ` (at ${place})`}`;
}
