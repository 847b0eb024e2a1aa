import { TallymanError } from '../contracts/index.js';

/** A path in the config: `['plugins', 0, 'with', 'interval']`. */
export type ConfigPath = readonly PropertyKey[];

export interface ConfigProblem {
  /** The file, flag (`--listen`) or variable (`TALLYMAN_LISTEN`) concerned. */
  readonly source: string;
  /** 1-based; absent when the source is not a file. */
  readonly line?: number;
  /** 1-based, in characters. */
  readonly column?: number;
  /** `plugins[0].with.interval`; empty for the file as a whole. */
  readonly path: string;
  /** The expected and the actual value. */
  readonly message: string;
  /** The valid name nearest to a misspelt one. */
  readonly suggestion?: string;
  /** The command that fixes it. */
  readonly hint?: string;
}

/** `plugins[0].with["odd key"]` */
export function formatPath(path: ConfigPath): string {
  let text = '';
  for (const segment of path) {
    if (typeof segment === 'number') text += `[${segment}]`;
    else if (/^[\w$-]+$/.test(String(segment))) text += text === '' ? String(segment) : `.${String(segment)}`;
    else text += `[${JSON.stringify(String(segment))}]`;
  }
  return text;
}

/** A value for error messages: short, with text in quotes. */
export function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'an empty value';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** `/etc/tallyman/config.yaml:12:5: housekeeping.interval: expected …`, with the hint on its own line. */
function formatProblem(problem: ConfigProblem): string {
  const position = problem.line === undefined ? '' : `:${problem.line}:${problem.column ?? 1}`;
  const path = problem.path === '' ? '' : `${problem.path}: `;
  const suggestion = problem.suggestion === undefined ? '' : `; did you mean ${JSON.stringify(problem.suggestion)}?`;
  const hint = problem.hint === undefined ? '' : `\n    ${problem.hint}`;
  return `${problem.source}${position}: ${path}${problem.message}${suggestion}${hint}`;
}

/**
 * The configuration is invalid. `problems` has all problems in the order of the file; the message has one line for each.
 * Commands exit with status 78 (EX_CONFIG) on this error.
 */
export class ConfigError extends TallymanError {
  override readonly name = 'ConfigError';

  constructor(readonly problems: readonly ConfigProblem[]) {
    super(problems.map(formatProblem).join('\n'));
  }
}
