import type { ConfigDocument } from './document.js';
import type { Finding } from './issues.js';
import { type ConfigPath, type ConfigProblem, formatPath } from './problems.js';

/** Collects problems with their position in the file, or the flag or variable that they come from. */
export class Report {
  readonly problems: ConfigProblem[];
  private readonly overrides: { path: readonly string[]; source: string }[] = [];

  constructor(
    private readonly document: ConfigDocument,
    private readonly file: string,
  ) {
    this.problems = [...document.problems];
  }

  overridden(path: readonly string[], source: string): void {
    this.overrides.unshift({ path, source });
  }

  add(findings: readonly (Finding & { hint?: string })[]): void {
    for (const { path, message, suggestion, hint, aboutKey } of findings) {
      const extra = { ...(suggestion === undefined ? {} : { suggestion }), ...(hint === undefined ? {} : { hint }) };
      this.problems.push({ ...this.locationOf(path, aboutKey), message, ...extra });
    }
  }

  /** Adds positions to problems whose source is an option (`web.tls.cert`). */
  located(problems: readonly ConfigProblem[]): ConfigProblem[] {
    const located = problems.map((problem) => {
      if (problem.path !== '' || !/^[a-z]\w*(\.\w+)+$/i.test(problem.source)) return problem;
      return { ...problem, ...this.locationOf(problem.source.split('.'), false) };
    });
    return inFileOrder(located);
  }

  sorted(): ConfigProblem[] {
    return inFileOrder(this.problems);
  }

  private locationOf(path: ConfigPath, aboutKey: boolean | undefined): Omit<ConfigProblem, 'message'> {
    const override = this.overrides.find((each) => each.path.every((segment, index) => path[index] === segment));
    return override === undefined
      ? { source: this.file, ...this.document.positionOf(path, aboutKey), path: formatPath(path) }
      : { source: override.source, path: '' };
  }
}

function inFileOrder(problems: readonly ConfigProblem[]): ConfigProblem[] {
  return problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
}
