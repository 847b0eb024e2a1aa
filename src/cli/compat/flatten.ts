/** A value of a JSON answer that holds no other, or a list of samples. */
export type Leaf = string | number | boolean | null | Empty | Series;

/** A list or mapping without members. */
export interface Empty {
  readonly empty: 'list' | 'mapping';
}

/** A list of samples by time. Their members are compared with the samples of the other agent around the same time. */
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

/** What tells the elements of a list apart, whatever their order. The first that all elements have counts. */
const IDENTITIES = [
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
  const identity = IDENTITIES.find((key) => list.every((each) => isMapping(each) && each[key] !== undefined));
  for (const [index, each] of list.entries()) collect(each, `${path}[${nameOf(each, index, identity)}]`, leaves);
}

/** Mappings that nothing tells apart, such as events and processes, stand for one another: the name is empty. */
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
