import { filterOf, type Predicate, STATES } from './filter.js';
import { diskOf, type Facts, NUMBERS, type NumberName, networkOf, pressureOf, type Row, sum } from './rows.js';

/** By what rows can be sorted, and the numbers that it is made of. Numbers are sorted from the greatest. */
const SORTS = {
  cpu: { of: (row) => row.cpu, numbers: ['cpu'] },
  memory: { of: (row) => row.memory, numbers: ['memory'] },
  throttled: { of: (row) => row.throttled, numbers: ['throttled'] },
  pressure: { of: pressureOf, numbers: ['pressure_cpu', 'pressure_memory', 'pressure_io'] },
  disk: { of: diskOf, numbers: ['disk_read', 'disk_write'] },
  network: { of: networkOf, numbers: ['network_receive', 'network_transmit'] },
  processes: { of: (row) => row.processes, numbers: ['processes'] },
  restarts: { of: ({ facts }) => facts.restarts ?? null, numbers: [] },
  name: { of: ({ facts }) => facts.name, numbers: [] },
  state: { of: ({ facts }) => facts.state, numbers: [] },
} satisfies Record<string, { of(row: Row): number | string | null; numbers: readonly NumberName[] }>;
export type SortName = keyof typeof SORTS;
export const SORT_NAMES = Object.keys(SORTS) as readonly SortName[];

/** By what containers are grouped. */
const GROUPINGS = {
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

/** How rows are shown that nobody has arranged. */
export const UNARRANGED = {
  isReversed: false,
  state: 0,
  grouping: 'none',
  isTree: false,
  collapsed: new Set<string>(),
} satisfies Partial<Arrangement>;

/** The numbers of every row that an arrangement depends on; undefined: all. */
export function numbersFor({
  sort,
  state,
  grouping,
}: Pick<Arrangement, 'sort' | 'state' | 'grouping'>): readonly NumberName[] | undefined {
  // Groups have sums, and trouble is a matter of many numbers.
  return grouping === 'none' && STATES[state]!.needsNumbers !== true ? SORTS[sort].numbers : undefined;
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
  const quantity: (row: Row) => number | string | null = rank ?? SORTS[sort].of;
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
  for (const item of items) append(groups, GROUPINGS[grouping](item.row.facts), item);
  return [...groups].flatMap(([name, members]) => {
    const key = `group ${name}`;
    const isCollapsed = collapsed.has(key);
    const label = `${isCollapsed ? '+' : '-'} ${name} (${members.length})`;
    const head = { key, label, row: totalOf(name, members), members: members.length };
    return isCollapsed ? [head] : [head, ...members.map((item) => ({ ...item, label: `  ${item.label}` }))];
  });
}

const SUMMED: ReadonlySet<NumberName> = new Set([
  'cpu',
  'memory',
  'disk_read',
  'disk_write',
  'network_receive',
  'network_transmit',
  'processes',
]);

function totalOf(name: string, members: readonly Item[]): Row {
  const total = (number: NumberName) => (SUMMED.has(number) ? sum(members.map(({ row }) => row[number])) : null);
  const numbers = Object.fromEntries(NUMBERS.map((number) => [number, total(number)])) as Record<NumberName, null>;
  return { ...numbers, facts: { id: -1, path: '', name, state: '', labels: {} } };
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
    append(children, parent?.facts.path ?? '', row);
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

function append<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
