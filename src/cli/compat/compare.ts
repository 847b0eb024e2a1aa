import { type Difference, shorten, textOf, typeOf } from './difference.js';
import { flatten, isSeries, type Leaf, type Leaves } from './flatten.js';
import { compareSeries, isAnotherAmount } from './samples.js';

/** What an agent answered. */
export interface Answered {
  /** 0 when the connection was closed without an answer. */
  readonly status: number;
  readonly contentType: string;
  readonly location: string;
  readonly body: string;
}

/** Values that are another each time, whoever is asked: only their presence and type are compared. */
const VOLATILE =
  /(^|\.)(timestamp|cpu_frequency_khz|latest_usage\..*|(minute|hour|day)_usage\..*|running_time|start_time|percent_(cpu|mem|memory)|rss|virtual_size|status|psr|pid|cmd)$/;
/** Members of lists whose elements nothing tells apart. */
const INTERCHANGEABLE = /\[\]/;
const AMOUNT = /(^|\.)(available|usage|inodes_free|minute_usage\.memory\.(mean|max))$/;

/** Every way in which two answers differ beyond what the time between them explains. */
export function compare(old: Answered, fresh: Answered): Difference[] {
  if (old.status !== fresh.status) {
    return [{ kind: 'status', path: '', old: summaryOf(old), new: summaryOf(fresh) }];
  }
  const [before, after] = [parsed(old.body), parsed(fresh.body)];
  if (before === undefined || after === undefined) return compareTexts(old, fresh);
  return compareLeaves(flatten(before), flatten(after));
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

function compareTexts(old: Answered, fresh: Answered): Difference[] {
  if (old.location !== fresh.location)
    return [{ kind: 'value', path: '(location)', old: old.location, new: fresh.location }];
  // Pages and reports are for people, who read another one each time.
  const isReport = (answer: Answered) => /html/.test(answer.contentType) || answer.body.trim().includes('\n');
  if ((isReport(old) && isReport(fresh)) || old.body.trim() === fresh.body.trim()) return [];
  return [{ kind: 'value', path: '', old: shorten(old.body), new: shorten(fresh.body) }];
}

function compareLeaves(old: Leaves, fresh: Leaves): Difference[] {
  const differences: Difference[] = [];
  for (const [path, leaf] of old) {
    const other = fresh.get(path);
    if (other !== undefined) differences.push(...compareLeaf(path, leaf, other));
    else if (!isFilled(path, leaf, fresh)) differences.push({ kind: 'missing', path, old: textOf(leaf), new: '' });
  }
  for (const [path, leaf] of fresh) {
    if (!old.has(path)) differences.push({ kind: 'extra', path, old: '', new: textOf(leaf) });
  }
  return differences;
}

/** Whether a mapping or list that was empty has members now, which are extra. */
function isFilled(path: string, leaf: Leaf, fresh: Leaves): boolean {
  if (typeOf(leaf) !== 'mapping' && typeOf(leaf) !== 'list') return false;
  return [...fresh.keys()].some((key) => key.startsWith(`${path}.`) || key.startsWith(`${path}[`));
}

function compareLeaf(path: string, old: Leaf, fresh: Leaf): Difference[] {
  if (isSeries(old) && isSeries(fresh)) return compareSeries(path, old, fresh);
  const different = (kind: 'type' | 'value') => [{ kind, path, old: textOf(old), new: textOf(fresh) }];
  if (typeOf(old) !== typeOf(fresh)) return different('type');
  if (typeof old === 'number' && AMOUNT.test(path)) {
    return isAnotherAmount([old], [fresh as number]) ? different('value') : [];
  }
  if (old === fresh || VOLATILE.test(path) || INTERCHANGEABLE.test(path)) return [];
  if (typeof old === 'string' && isSameTime(old, fresh as string)) return [];
  return typeof old === 'object' ? [] : different('value');
}

/** Whether two timestamps name the same microsecond, in whatever zone and with however many digits. */
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
