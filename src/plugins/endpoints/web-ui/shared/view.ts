import {
  type Arrangement,
  arranged,
  GROUPING_NAMES,
  type Grouping,
  type Item,
  isInTrouble,
  isRunning,
  type NumberName,
  numbersFor,
  type Row,
  type SortName,
} from '../../../../client/top/index.js';

/** A page of the overview has this many rows. */
export const ROWS = 50;

/** What the rules of `why` say of a container, in short. */
export interface Trouble {
  readonly severity: 'error' | 'warning' | 'info';
  /** What is the case, of the worst finding. */
  readonly what: string;
  readonly findings: number;
}
/** By absolute name. */
export type Troubles = ReadonlyMap<string, Trouble>;

export const SORT_KEYS = [
  'name',
  'state',
  'wrong',
  'cpu',
  'memory',
  'pressure',
  'disk',
  'network',
  'processes',
] as const;
export type SortKey = (typeof SORT_KEYS)[number];
const SORTED_UPWARDS: ReadonlySet<SortKey> = new Set(['name', 'state']);

/** Choices of the state filter: value in the address, words on the page. */
export const STATE_CHOICES = {
  '': 'any state',
  running: 'running',
  stopped: 'stopped',
  trouble: 'in trouble',
} as const;
type StateChoice = keyof typeof STATE_CHOICES;

export const GROUP_CHOICES: Readonly<Record<Grouping, string>> = {
  none: 'not grouped',
  project: 'project or pod',
  runtime: 'runtime',
  image: 'image',
  state: 'state',
};

/** What the overview shows; all of it is in the address. */
export interface OverviewView {
  /** Words as in the filter of `tallyman top`. */
  readonly search: string;
  readonly state: StateChoice;
  /** `team` or `team=a` */
  readonly label: string;
  readonly image: string;
  /** Part of the name of a project, or of namespace and name of a pod. */
  readonly project: string;
  readonly by: Grouping;
  readonly sort: SortKey;
  readonly isReversed: boolean;
  /** Also cgroups that belong to no runtime. */
  readonly showsAll: boolean;
  /** From 1. */
  readonly page: number;
}

/** What is unknown or odd in the query counts as not there. */
export function viewOf(query: URLSearchParams): OverviewView {
  const oneOf = <T extends string>(name: string, choices: readonly T[], otherwise: T): T =>
    choices.find((choice) => choice === query.get(name)) ?? otherwise;
  const page = Number(query.get('page') ?? '1');
  return {
    search: query.get('q') ?? '',
    state: oneOf('state', Object.keys(STATE_CHOICES) as StateChoice[], ''),
    label: query.get('label') ?? '',
    image: query.get('image') ?? '',
    project: query.get('project') ?? '',
    by: oneOf('by', GROUPING_NAMES, 'none'),
    sort: oneOf('sort', SORT_KEYS, 'cpu'),
    isReversed: query.get('reverse') === '1',
    showsAll: query.get('all') === '1',
    page: Number.isSafeInteger(page) && page > 0 ? page : 1,
  };
}

/** A view as the parameters of its address. */
function parametersOf(view: OverviewView): Record<string, string> {
  const { search: q, state, label, image, project, by, sort, isReversed, showsAll, page } = view;
  const flags = { reverse: isReversed ? '1' : '', all: showsAll ? '1' : '' };
  return { q, state, label, image, project, by, sort, ...flags, page: String(page) };
}

const DEFAULTS = parametersOf(viewOf(new URLSearchParams()));

/** The query of a view's address, with its `?`; nothing that is as by default. */
export function addressOf(view: OverviewView): string {
  const chosen = Object.entries(parametersOf(view)).filter(([name, value]) => value !== DEFAULTS[name]);
  return `?${new URLSearchParams(chosen)}`;
}

/** The view after a click on the head of a column: sorted by it, or by it in reverse. */
export function sortedBy(view: OverviewView, sort: SortKey): OverviewView {
  return { ...view, sort, isReversed: view.sort === sort && !view.isReversed, page: 1 };
}

/** As `aria-sort` says it. */
export function directionOf({ sort, isReversed }: OverviewView): 'ascending' | 'descending' {
  return SORTED_UPWARDS.has(sort) === isReversed ? 'descending' : 'ascending';
}

export type Shown = ReturnType<typeof shownOf>;

/** Which containers a table is of: all but the machine, those of a runtime, or those directly below one. */
export interface Scope {
  readonly runtime?: string | undefined;
  readonly parent?: string | undefined;
}

export function inScope({ runtime, parent }: Scope): (row: Row) => boolean {
  if (parent !== undefined) {
    const prefix = parent === '/' ? '/' : `${parent}/`;
    return ({ facts: { path } }) =>
      path.length > prefix.length && path.startsWith(prefix) && !path.includes('/', prefix.length);
  }
  return ({ facts }) => facts.path !== '/' && (runtime === undefined || facts.runtime === runtime);
}

/** The page of the table that a view shows of the rows of a scope: rows and heads of groups in their order. */
export function shownOf(rows: readonly Row[], view: OverviewView, troubles: Troubles, { parent }: Scope) {
  const showsAll = view.showsAll || parent !== undefined || !rows.some(({ facts }) => facts.runtime !== undefined);
  const items = arranged(rows, arrangementOf({ ...view, showsAll }, troubles));
  const known = showsAll ? rows.length : rows.filter(({ facts }) => facts.runtime !== undefined).length;
  const pages = Math.max(1, Math.ceil(items.length / ROWS));
  const page = Math.min(view.page, pages);
  const from = (page - 1) * ROWS;
  const onPage = items.slice(from, from + ROWS);
  const isHead = ({ members }: Item): boolean => members !== undefined;
  if (onPage.length > 0 && view.by !== 'none' && !isHead(onPage[0]!)) {
    const head = items.slice(0, from).findLast(isHead);
    if (head !== undefined) onPage.unshift(head);
  }
  const containersOf = (some: readonly Item[]): number => some.filter((item) => !isHead(item)).length;
  const before = containersOf(items.slice(0, from));
  const count = containersOf(onPage);
  const fitting = containersOf(items);
  const first = count === 0 ? 0 : before + 1;
  // Containers are counted: those that fit on all pages, those that there are, and the places of those on the page.
  return { items: onPage, fitting, known, first, last: before + count, page, pages };
}

/** The numbers of every row that a view depends on; undefined: all. */
export function numbersOf(view: OverviewView): readonly NumberName[] | undefined {
  return view.state === 'trouble' ? undefined : numbersFor(arrangementOf(view, new Map()));
}

function arrangementOf(view: OverviewView, troubles: Troubles): Arrangement {
  const { search, sort, isReversed, by, showsAll } = view;
  const harm = ({ facts }: Row): number | null => HARM[troubles.get(facts.path)?.severity ?? 'none'];
  return {
    sort: sort === 'wrong' ? 'name' : (sort satisfies SortName),
    ...(sort === 'wrong' && { rank: harm }),
    isReversed,
    filter: search,
    state: 0,
    grouping: by,
    isTree: false,
    showsAll,
    collapsed: new Set(),
    fits: fitsOf(view, troubles),
  };
}

const HARM = { error: 3, warning: 2, info: 1, none: null } as const;

function fitsOf({ state, label, image, project }: OverviewView, troubles: Troubles): (row: Row) => boolean {
  const [key = '', value] = label.trim().split(/=(.*)/s);
  const [imagePart, projectPart] = [image, project].map((text) => text.trim().toLowerCase()) as [string, string];
  const isWrong = (row: Row): boolean =>
    isInTrouble(row) || (HARM[troubles.get(row.facts.path)?.severity ?? 'none'] ?? 0) > 1;
  return (row) => {
    const { facts } = row;
    if (key !== '' && !(Object.hasOwn(facts.labels, key) && (value === undefined || facts.labels[key] === value)))
      return false;
    if (!(facts.image ?? '').toLowerCase().includes(imagePart)) return false;
    if (!(facts.project ?? facts.pod ?? '').toLowerCase().includes(projectPart)) return false;
    if (state === '') return true;
    return state === 'trouble' ? isWrong(row) : isRunning(row) === (state === 'running');
  };
}
