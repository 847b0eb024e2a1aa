import type { ConfigDocument } from './document.js';
import type { Finding } from './issues.js';
import { type ConfigPath, type ConfigProblem, formatPath } from './problems.js';

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
      this.problems.push({ ...this.placeOf(path, aboutKey), message, ...extra });
    }
  }

  /** Ties problems whose source is an option (`web.tls.cert`) to the place that sets it. */
  located(problems: readonly ConfigProblem[]): ConfigProblem[] {
    const located = problems.map((problem) => {
      if (problem.path !== '' || !/^[a-z]\w*(\.\w+)+$/i.test(problem.source)) return problem;
      return { ...problem, ...this.placeOf(problem.source.split('.'), false) };
    });
    return inFileOrder(located);
  }

  sorted(): ConfigProblem[] {
    return inFileOrder(this.problems);
  }

  private placeOf(path: ConfigPath, aboutKey: boolean | undefined): Omit<ConfigProblem, 'message'> {
    const override = this.#overridden.find((each) => each.path.every((segment, index) => path[index] === segment));
    return override === undefined
      ? { source: this.#file, ...this.#document.positionOf(path, aboutKey), path: formatPath(path) }
      : { source: override.source, path: '' };
  }
}

function inFileOrder(problems: readonly ConfigProblem[]): ConfigProblem[] {
  return problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
}
