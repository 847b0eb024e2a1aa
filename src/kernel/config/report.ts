import type { ConfigDocument } from './document.js';
import type { Finding } from './issues.js';
import { type ConfigProblem, formatPath } from './problems.js';

/** Collects problems and ties each to the file's line, or to the flag or variable that it comes from. */
export class Report {
  readonly problems: ConfigProblem[];
  readonly #document: ConfigDocument;
  readonly #file: string;
  readonly #overridden: { path: readonly string[]; source: string }[] = [];

  constructor(document: ConfigDocument, file: string) {
    this.#document = document;
    this.#file = file;
    this.problems = [...document.problems];
  }

  overridden(path: readonly string[], source: string): void {
    this.#overridden.unshift({ path, source });
  }

  add(findings: readonly (Finding & { hint?: string })[]): void {
    for (const { path, message, suggestion, hint, aboutKey } of findings) {
      const extra = { ...(suggestion === undefined ? {} : { suggestion }), ...(hint === undefined ? {} : { hint }) };
      const override = this.#overridden.find((each) => each.path.every((segment, index) => path[index] === segment));
      const place =
        override === undefined
          ? { source: this.#file, ...this.#document.positionOf(path, aboutKey), path: formatPath(path) }
          : { source: override.source, path: '' };
      this.problems.push({ ...place, message, ...extra });
    }
  }

  sorted(): ConfigProblem[] {
    return this.problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
  }
}
