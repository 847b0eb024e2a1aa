import {
  compareLeaves,
  type Difference,
  flatten,
  isSeries,
  type Leaf,
  type Leaves,
  shorten,
  textOf,
  typeOf,
} from './leaves.js';
import { compareSeries, isAnotherAmount } from './samples.js';

export interface Answered {
  /** 0 when the connection was closed without an answer. */
  readonly status: number;
  readonly contentType: string;
  readonly location: string;
  readonly body: string;
}

/** Values that differ at each request: only their presence and type are compared. */
const VOLATILE =
  /(^|\.)(timestamp|cpu_frequency_khz|latest_usage\..*|(minute|hour|day)_usage\..*|running_time|start_time|percent_(cpu|mem|memory)|rss|virtual_size|status|psr|pid|cmd)$/;
/** Members of lists whose elements have no identity. */
const INTERCHANGEABLE = /\[\]/;
const AMOUNT = /(^|\.)(available|usage|inodes_free|minute_usage\.memory\.(mean|max))$/;

/** All differences of two answers that the time between them does not explain. */
export function compare(old: Answered, current: Answered): Difference[] {
  if (old.status !== current.status) {
    return [{ kind: 'status', path: '', old: summaryOf(old), new: summaryOf(current) }];
  }
  const [before, after] = [parsed(old.body), parsed(current.body)];
  if (before === undefined || after === undefined) return compareTexts(old, current);
  const leaves = flatten(after);
  return compareLeaves(flatten(before), leaves, compareLeaf, (path, leaf) => !isFilled(path, leaf, leaves));
}

function summaryOf({ status, body, location }: Answered): string {
  if (status === 0) return 'closes the connection';
  return `${status}${location === '' ? '' : ` → ${location}`} ${shorten(body)}`.trim();
}

function parsed(body: string): unknown {
  if (!/^\s*[[{"]/.test(body)) return undefined;
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function compareTexts(old: Answered, current: Answered): Difference[] {
  if (old.location !== current.location)
    return [{ kind: 'value', path: '(location)', old: old.location, new: current.location }];
  // Pages and reports for people differ at each request.
  const isReport = (answer: Answered) => /html/.test(answer.contentType) || answer.body.trim().includes('\n');
  if ((isReport(old) && isReport(current)) || old.body.trim() === current.body.trim()) return [];
  return [{ kind: 'value', path: '', old: shorten(old.body), new: shorten(current.body) }];
}

/** Whether an empty mapping or list has members in the current answer, which count as extra. */
function isFilled(path: string, leaf: Leaf, current: Leaves): boolean {
  if (typeOf(leaf) !== 'mapping' && typeOf(leaf) !== 'list') return false;
  return [...current.keys()].some((key) => key.startsWith(`${path}.`) || key.startsWith(`${path}[`));
}

function compareLeaf(path: string, old: Leaf, current: Leaf): Difference[] {
  if (isSeries(old) && isSeries(current)) return compareSeries(path, old, current);
  const different = (kind: 'type' | 'value') => [{ kind, path, old: textOf(old), new: textOf(current) }];
  if (typeOf(old) !== typeOf(current)) return different('type');
  if (typeof old === 'number' && AMOUNT.test(path)) {
    return isAnotherAmount([old], [current as number]) ? different('value') : [];
  }
  if (old === current || VOLATILE.test(path) || INTERCHANGEABLE.test(path)) return [];
  if (typeof old === 'string' && isSameTime(old, current as string)) return [];
  return typeof old === 'object' ? [] : different('value');
}

/** Whether two timestamps are equal to the microsecond, in any time zone and with any number of digits. */
function isSameTime(one: string, other: string): boolean {
  const [a, b] = [microseconds(one), microseconds(other)];
  return a !== undefined && a === b;
}

function microseconds(text: string): bigint | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(text);
  const seconds = match === null ? Number.NaN : Date.parse(`${match[1]}${match[3]}`);
  if (match === null || Number.isNaN(seconds)) return undefined;
  return BigInt(seconds) * 1000n + BigInt((match[2] ?? '').padEnd(6, '0').slice(0, 6));
}
