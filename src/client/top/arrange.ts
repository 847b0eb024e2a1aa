import { filterOf, type Predicate, STATES } from './filter.js';
import { diskOf, type Facts, type NumberName, networkOf, pressureOf, type Row, sum } from './rows.js';

/** By what rows can be sorted. Numbers are sorted from the greatest. */
export const SORTS = {
  cpu: (row: Row) => row.cpu,
  memory: (row: Row) => row.memory,
  throttled: (row: Row) => row.throttled,
  pressure: pressureOf,
  disk: diskOf,
  network: networkOf,
  processes: (row: Row) => row.processes,
  restarts: (row: Row) => row.facts.restarts ?? null,
  name: (row: Row) => row.facts.name,
  state: (row: Row) => row.facts.state,
} satisfies Record<string, (row: Row) => number | string | null>;
export type SortName = keyof typeof SORTS;
export const SORT_NAMES = Object.keys(SORTS) as readonly SortName[];

/** The numbers that each of them is made of. */
const SORT_NUMBERS: Readonly<Record<SortName, readonly NumberName[]>> = {
  cpu: ['cpu'],
  memory: ['memory'],
  throttled: ['throttled'],
  pressure: ['pressure_cpu', 'pressure_memory', 'pressure_io'],
  disk: ['disk_read', 'disk_write'],
  network: ['network_receive', 'network_transmit'],
  processes: ['processes'],
  restarts: [],
  name: [],
  state: [],
};

/** By what containers are grouped. */
export const GROUPINGS = {
  none: () => '',
  project: ({ project, pod }: Facts) => project ?? pod ?? 'without a project or pod',
  runtime: ({ runtime }: Facts) => runtime ?? 'cgroups',
  image: ({ image }: Facts) => image ?? 'without an image',
  state: ({ state }: Facts) => state,
} satisfies Record<string, (facts: Facts) => string>;
export type Grouping = keyof typeof GROUPINGS;
export const GROUPING_NAMES = Object.keys(GROUPINGS) as readonly Grouping[];

/** What is shown, and in which order. */
export interface Arrangement {
  readonly sort: SortName;
  /** What rows are sorted by in place of `sort`. */
  readonly rank?: (row: Row) => number | null;
  readonly isReversed: boolean;
  readonly filter: string;
  /** A further condition. */
  readonly fits?: Predicate;
  /** Index of `STATES`. */
  readonly state: number;
  readonly grouping: Grouping;
  readonly isTree: boolean;
  /** Also cgroups that belong to no runtime. */
  readonly showsAll: boolean;
  /** Groups whose members are hidden. */
  readonly collapsed: ReadonlySet<string>;
}

/** The numbers of every row that an arrangement depends on; undefined: all. */
export function numbersFor({
  sort,
  state,
  grouping,
}: Pick<Arrangement, 'sort' | 'state' | 'grouping'>): readonly NumberName[] | undefined {
  // Groups have sums, and trouble is a matter of many numbers.
  return grouping === 'none' && STATES[state]!.needsNumbers !== true ? SORT_NUMBERS[sort] : undefined;
}

/** A line of the table. */
export interface Item {
  /** Stays the same while numbers change. */
  readonly key: string;
  readonly label: string;
  readonly row: Row;
  /** Members of the group that this is the head of. */
  readonly members?: number;
}

export function arranged(rows: readonly Row[], arrangement: Arrangement): Item[] {
  const shown = rows.filter(visibleRow(rows, arrangement));
  if (arrangement.isTree) return treeOf(rows, shown, compareBy(arrangement));
  const sorted = shown.sort(compareBy(arrangement));
  const items = sorted.map((row): Item => ({ key: row.facts.path, label: row.facts.name, row }));
  return arrangement.grouping === 'none' ? items : grouped(items, arrangement);
}

function visibleRow(rows: readonly Row[], arrangement: Arrangement): Predicate {
  const { filter, state, showsAll, isTree, fits: fitsMore = () => true } = arrangement;
  const fits = filterOf(filter);
  // A host without a container runtime has cgroups only.
  const hidesCgroups = !showsAll && !isTree && rows.some(({ facts }) => facts.runtime !== undefined);
  return (row) =>
    !(hidesCgroups && row.facts.runtime === undefined) && STATES[state]!.fits(row) && fits(row) && fitsMore(row);
}

/** Texts ascend, numbers descend, and what is not known comes last. */
function compareBy({
  sort,
  rank,
  isReversed,
}: Pick<Arrangement, 'sort' | 'rank' | 'isReversed'>): (a: Row, b: Row) => number {
  const quantity: (row: Row) => number | string | null = rank ?? SORTS[sort];
  const sign = isReversed ? -1 : 1;
  return (a, b) => {
    const [one, other] = [quantity(a), quantity(b)];
    if ((one === null) !== (other === null)) return one === null ? 1 : -1;
    const isText = typeof one === 'string';
    const order = (isText ? compareTexts(one, String(other)) : Number(other) - Number(one)) * sign;
    if (order !== 0) return order;
    return compareTexts(a.facts.name, b.facts.name) || compareTexts(a.facts.path, b.facts.path);
  };
}

function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function grouped(items: readonly Item[], { grouping, collapsed }: Arrangement): Item[] {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const name = GROUPINGS[grouping](item.row.facts);
    const members = groups.get(name);
    if (members === undefined) groups.set(name, [item]);
    else members.push(item);
  }
  return [...groups].flatMap(([name, members]) => {
    const key = `group ${name}`;
    const isCollapsed = collapsed.has(key);
    const label = `${isCollapsed ? '+' : '-'} ${name} (${members.length})`;
    const head = { key, label, row: totalOf(name, members), members: members.length };
    return isCollapsed ? [head] : [head, ...members.map((item) => ({ ...item, label: `  ${item.label}` }))];
  });
}

const SUMMED: readonly NumberName[] = [
  'cpu',
  'memory',
  'disk_read',
  'disk_write',
  'network_receive',
  'network_transmit',
  'processes',
];

function totalOf(name: string, members: readonly Item[]): Row {
  const none = { age: null, throttled: null, cpu_limit: null, memory_limit: null };
  const pressures = { pressure_cpu: null, pressure_memory: null, pressure_io: null };
  const sums = Object.fromEntries(SUMMED.map((number) => [number, sum(members.map(({ row }) => row[number]))]));
  const facts: Facts = { id: -1, path: '', name, state: '', labels: {} };
  return { facts, ...none, ...pressures, ...(sums as Pick<Row, (typeof SUMMED)[number]>) } as Row;
}

/** Rows below the cgroups that contain them, siblings sorted. Ancestors of a shown row are shown. */
function treeOf(rows: readonly Row[], shown: readonly Row[], compare: (a: Row, b: Row) => number): Item[] {
  const byPath = new Map(rows.map((row) => [row.facts.path, row]));
  const children = new Map<string, Row[]>();
  const placed = new Set<string>();
  const place = (row: Row): void => {
    const { path } = row.facts;
    if (placed.has(path)) return;
    placed.add(path);
    const parent = parentOf(path, byPath);
    if (parent !== undefined) place(parent);
    const key = parent?.facts.path ?? '';
    const siblings = children.get(key);
    if (siblings === undefined) children.set(key, [row]);
    else siblings.push(row);
  };
  for (const row of shown) place(row);
  const items: Item[] = [];
  const walk = (parent: string, depth: number): void => {
    for (const row of (children.get(parent) ?? []).sort(compare)) {
      const { path, name } = row.facts;
      const own = name === path ? path.slice(parent === '' || parent === '/' ? 0 : parent.length + 1) : name;
      items.push({ key: path, label: `${'  '.repeat(depth)}${own}`, row });
      walk(path, depth + 1);
    }
  };
  walk('', 0);
  return items;
}

function parentOf(path: string, byPath: ReadonlyMap<string, Row>): Row | undefined {
  for (let above = path; above !== '/' && above !== ''; ) {
    above = above.slice(0, above.lastIndexOf('/'));
    const row = byPath.get(above === '' ? '/' : above);
    if (row !== undefined) return row;
  }
  return undefined;
}
