/** A scalar, an empty list or mapping, or a list of samples. */
export type Leaf = string | number | boolean | null | Empty | Series;

/** A list or mapping without members. */
export interface Empty {
  readonly empty: 'list' | 'mapping';
}

/** Samples in the order of time. They are compared with the other agent's samples around the same time. */
export interface Series {
  readonly samples: readonly Sample[];
}

export interface Sample {
  /** ms since the epoch */
  readonly at: number;
  readonly leaves: Leaves;
}

/** Path → value: `stats[].memory.usage`, `topology[node_id=0].memory`. */
export type Leaves = ReadonlyMap<string, Leaf>;

export interface Difference {
  /** `missing` and `extra` are about the new agent's answer. */
  readonly kind: 'status' | 'missing' | 'extra' | 'type' | 'value';
  /** Path in the answer; empty for the whole answer. */
  readonly path: string;
  readonly old: string;
  readonly new: string;
}

/** Members that identify the elements of a list. The first that all elements have is used. */
const ID_MEMBERS = [
  'device',
  'name',
  'interface',
  'node_id',
  'thread_id',
  'core_id',
  'mountpoint',
  'page_size',
  'major',
  'size',
];

/** All values of a JSON document by their path. Lists of mappings with a `timestamp` are series. */
export function flatten(value: unknown): Leaves {
  const leaves = new Map<string, Leaf>();
  collect(value, '', leaves);
  return leaves;
}

function collect(value: unknown, path: string, leaves: Map<string, Leaf>): void {
  if (Array.isArray(value)) collectList(value, path, leaves);
  else if (typeof value === 'object' && value !== null) collectMapping(value, path, leaves);
  else leaves.set(path, value as string | number | boolean | null);
}

function collectMapping(value: object, path: string, leaves: Map<string, Leaf>): void {
  const entries = Object.entries(value);
  if (entries.length === 0) leaves.set(path, { empty: 'mapping' });
  for (const [key, member] of entries) collect(member, path === '' ? key : `${path}.${key}`, leaves);
}

function collectList(list: readonly unknown[], path: string, leaves: Map<string, Leaf>): void {
  if (list.length === 0) {
    leaves.set(path, { empty: 'list' });
    return;
  }
  if (list.every(isSample)) {
    const samples = list.map((each) => ({ at: Date.parse(each.timestamp), leaves: flatten(each) }));
    leaves.set(path, { samples: samples.sort((a, b) => a.at - b.at) });
    return;
  }
  const identity = ID_MEMBERS.find((key) => list.every((each) => isMapping(each) && each[key] !== undefined));
  for (const [index, each] of list.entries()) collect(each, `${path}[${nameOf(each, index, identity)}]`, leaves);
}

/** Mappings without an identity, such as events and processes, are interchangeable: their name is empty. */
function nameOf(element: unknown, index: number, identity: string | undefined): string {
  if (!isMapping(element)) return String(index);
  return identity === undefined ? '' : `${identity}=${String(element[identity])}`;
}

type Mapping = Record<string, unknown>;

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSample(value: unknown): value is { readonly timestamp: string } {
  return isMapping(value) && typeof value.timestamp === 'string' && !Number.isNaN(Date.parse(value.timestamp));
}

export function isSeries(leaf: Leaf): leaf is Series {
  return typeof leaf === 'object' && leaf !== null && 'samples' in leaf;
}

/** The JSON type of a leaf. */
export function typeOf(leaf: Leaf): string {
  if (leaf === null) return 'null';
  if (typeof leaf !== 'object') return typeof leaf;
  return isSeries(leaf) ? 'list' : leaf.empty;
}

/** A leaf as reports show it. */
export function textOf(leaf: Leaf): string {
  if (typeof leaf !== 'object' || leaf === null) return shorten(JSON.stringify(leaf));
  if (isSeries(leaf)) return `${leaf.samples.length} samples`;
  return leaf.empty === 'list' ? '[]' : '{}';
}

/** One line of at most 160 characters. */
export function shorten(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > 160 ? `${line.slice(0, 157)}...` : line;
}

/**
 * The differences of two sets of leaves.
 * @param compareBoth compares a leaf that both have
 * @param isMissing whether one that only the old one has counts
 */
export function compareLeaves(
  old: Leaves,
  current: Leaves,
  compareBoth: (path: string, old: Leaf, current: Leaf) => Difference[],
  isMissing = (_path: string, _leaf: Leaf) => true,
): Difference[] {
  const differences: Difference[] = [];
  for (const [path, leaf] of old) {
    const other = current.get(path);
    if (other !== undefined) differences.push(...compareBoth(path, leaf, other));
    else if (isMissing(path, leaf)) differences.push({ kind: 'missing', path, old: textOf(leaf), new: '' });
  }
  for (const [path, leaf] of current) {
    if (!old.has(path)) differences.push({ kind: 'extra', path, old: '', new: textOf(leaf) });
  }
  return differences;
}
