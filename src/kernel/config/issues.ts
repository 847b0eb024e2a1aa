import { messageOf, type z } from '../contracts/index.js';
import { type JsonSchema, keysOf, type LazyJsonSchema, schemaAt } from './json-schema.js';
import { masked } from './masked.js';
import { type ConfigPath, describeValue } from './problems.js';
import { nearest } from './suggest.js';

/** A validation error, not yet tied to a file. */
export interface Finding {
  readonly path: ConfigPath;
  readonly message: string;
  readonly suggestion?: string;
  /** The error is about the key at `path`, not about its value. */
  readonly aboutKey?: boolean;
}

type Issue = z.core.$ZodIssue;

const TYPE_NAMES: Record<string, string> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a mapping (name: value)',
  record: 'a mapping (name: value)',
  array: 'a list such as [a, b]',
  null: 'nothing',
};

const FORMAT_NAMES: Record<string, string> = {
  duration: 'a duration such as 500ms, 10s or 1m30s',
  size: 'a size such as 64MiB, 1GB or 4096',
  percentage: 'a percentage such as 2% or 150%',
  glob: 'a glob such as /system.slice/*.service',
};

/** Validates `value` and explains all issues. Uses only `safeParse`, so schemas of any copy of zod 4 work. */
export function validate<S extends z.ZodType>(
  schema: S,
  value: unknown,
  lazyJson: Pick<LazyJsonSchema, 'value'>,
): { output: z.output<S>; findings: [] } | { output?: never; findings: Finding[] } {
  try {
    const result = schema.safeParse(value);
    if (result.success) return { output: result.data, findings: [] };
    const json = lazyJson.value;
    const shown = masked(value, json);
    return { findings: result.error.issues.flatMap((issue) => explain(issue, shown, json)) };
  } catch (error) {
    return { findings: [{ path: [], message: `the schema of these options failed: ${messageOf(error)}` }] };
  }
}

function explain(issue: Issue, root: unknown, json: JsonSchema): Finding[] {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys') {
    const known = keysOf(schemaAt(json, path));
    return issue.keys.map((key) => unknownKey([...path, key], key, known));
  }
  const value = valueAt(root, path);
  if (issue.code === 'invalid_value') {
    const names = issue.values.map(String);
    return [finding(path, expectedFound(`one of ${names.join(', ')}`, value), nearest(String(value), names))];
  }
  if (issue.code === 'invalid_union') return explainUnion(issue, root, json);
  if (issue.code === 'invalid_key' || issue.code === 'invalid_element') {
    const aboutKey = issue.code === 'invalid_key';
    return issue.issues.map((inner) => ({ path, message: messageFor(inner, value), aboutKey }));
  }
  const format = FORMAT_NAMES[schemaAt(json, path)?.format ?? ''];
  if (issue.code === 'invalid_type' && format !== undefined) return [finding(path, expectedFound(format, value))];
  return [finding(path, messageFor(issue, value))];
}

function explainUnion(issue: Extract<Issue, { code: 'invalid_union' }>, root: unknown, json: JsonSchema): Finding[] {
  const { path } = issue;
  const value = valueAt(root, path);
  const schema = schemaAt(json, path);
  const format = FORMAT_NAMES[schema?.format ?? ''];
  if (format !== undefined) return [finding(path, expectedFound(format, value))];
  // If exactly one branch accepts the type of the value, the issues inside that branch are the relevant ones.
  const inner = issue.errors.filter((issues) => issues.every((each) => each.path.length > 0 || !isTypeIssue(each)));
  if (inner.length === 1) {
    return inner[0]!.flatMap((each) => explain({ ...each, path: [...path, ...each.path] }, root, json));
  }
  const expectations = issue.errors.flat().map((each) => expectation(each));
  const known = [...new Set(expectations.filter((text) => text !== undefined))];
  return [finding(path, known.length > 0 ? expectedFound(known.join(' or '), value) : messageFor(issue, value))];
}

function isTypeIssue(issue: Issue): boolean {
  return issue.code === 'invalid_type' || issue.code === 'invalid_value';
}

function finding(path: ConfigPath, message: string, suggestion?: string): Finding {
  return suggestion === undefined ? { path, message } : { path, message, suggestion };
}

function unknownKey(path: ConfigPath, key: string, known: readonly string[]): Finding {
  const suggestion = nearest(key, known);
  const list = known.length > 0 && suggestion === undefined ? `; expected one of ${known.join(', ')}` : '';
  return { ...finding(path, `unknown option ${JSON.stringify(key)}${list}`, suggestion), aboutKey: true };
}

function messageFor(issue: Issue, value: unknown): string {
  // A message that is not zod's own was written by the schema's author, who knows best.
  if (!/^(Invalid|Too (big|small)|Unrecognized)\b/.test(issue.message)) {
    const complete = /\b(not|found|got|without)\b/.test(issue.message) || value === undefined;
    return complete ? issue.message : `${issue.message}, found ${describeValue(value)}`;
  }
  const expected = expectation(issue);
  return expected === undefined ? issue.message : expectedFound(expected, value);
}

function expectation(issue: Issue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return TYPE_NAMES[issue.expected] ?? issue.expected;
    case 'invalid_value':
      return issue.values.map(String).join(' or ');
    case 'too_small':
      return issue.origin === 'string' || issue.origin === 'array'
        ? `${issue.origin === 'array' ? 'a list' : 'text'} of ${issue.minimum} or more`
        : `${issue.inclusive === false ? 'more than ' : ''}${issue.minimum}${issue.inclusive === false ? '' : ' or more'}`;
    case 'too_big':
      return issue.origin === 'string' || issue.origin === 'array'
        ? `${issue.origin === 'array' ? 'a list' : 'text'} of at most ${issue.maximum}`
        : `${issue.inclusive === false ? 'less than ' : 'at most '}${issue.maximum}`;
    case 'not_multiple_of':
      return `a multiple of ${issue.divisor}`;
    case 'invalid_format':
      return issue.format === 'regex' ? `text that matches ${issue.pattern}` : `text in the form of ${issue.format}`;
    default:
      return undefined;
  }
}

function expectedFound(expected: string, value: unknown): string {
  return value === undefined ? `missing; expected ${expected}` : `expected ${expected}, found ${describeValue(value)}`;
}

function valueAt(root: unknown, path: ConfigPath): unknown {
  let value = root;
  for (const segment of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, segment)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[segment];
  }
  return value;
}
