import { type ContainerView, type Grouping, groupingOf } from '../../../../kernel/contracts/index.js';
import { coresOf, recent } from '../shared/reading.js';
import { bytes, cores, UNKNOWN } from '../shared/units.js';
import { bar } from './charts.js';
import { stateText } from './facts.js';
import { type Html, html, type Pieces } from './html.js';
import { limitsOf, readingsOf } from './readings.js';

/** A page of a table has this many rows. */
const ROWS = 200;

const ORDERS = ['name', 'cpu', 'memory'] as const;
type Order = (typeof ORDERS)[number];

/** What is asked for of a table. */
export interface TableQuery {
  readonly order: Order;
  /** From 1. */
  readonly page: number;
}

/** A container of a table; one without `container` is a cgroup that nobody monitors. */
export interface Entry {
  readonly name: string;
  /** What it is called in this table. */
  readonly label: string;
  readonly href: string;
  readonly container: ContainerView | undefined;
}

interface Row extends Entry {
  /** NaN while unknown. */
  readonly cpu: number;
  readonly memory: number;
  readonly grouping: Grouping | undefined;
}

/** @param query what is unknown or odd in it counts as not there */
export function tableQuery(query: URLSearchParams): TableQuery {
  const page = Number(query.get('page') ?? '1');
  return {
    order: ORDERS.find((order) => order === query.get('sort')) ?? 'name',
    page: Number.isSafeInteger(page) && page > 0 ? page : 1,
  };
}

/**
 * A table of containers, one page of it. Yields after each row, so that thousands keep nobody waiting.
 * @param heading its title, when it has anything
 */
export function* containerTable(
  id: string,
  heading: string,
  entries: readonly Entry[],
  { order, page }: TableQuery,
  withState = false,
): Pieces {
  const rows: Row[] = [];
  for (const entry of entries) {
    rows.push(measured(entry));
    yield;
  }
  const isGrouped = withState && order === 'name';
  rows.sort(isGrouped ? byGroup : comparisons[order]);
  const pages = Math.max(1, Math.ceil(rows.length / ROWS));
  const current = Math.min(page, pages);
  const from = (current - 1) * ROWS;
  const shown = rows.slice(from, from + ROWS);
  yield html`<section id="${id}" data-renewed><h2>${heading} <small>${rows.length}</small></h2>
${pages > 1 && pager(order, current, pages, `${from + 1} to ${from + shown.length} of ${rows.length}`)}
<div class="scroll" role="region" aria-label="${heading}" tabindex="0"><table><thead><tr>${header('name', 'Name', order)}${header(
    'cpu',
    'CPU',
    order,
  )}${header('memory', 'Memory (working set)', order)}<th scope="col">of its limit</th>${
    withState && html`<th scope="col">State</th><th scope="col">Image</th>`
  }</tr></thead><tbody>
`;
  for (const [index, row] of shown.entries()) {
    if (isGrouped && groupKey(row) !== groupKey(shown[index - 1])) yield groupRow(row, rows);
    yield rowOf(row, withState);
  }
  yield html`</tbody></table></div></section>`;
}

const comparisons: Readonly<Record<Order, (a: Row, b: Row) => number>> = {
  name: (a, b) => (a.label === b.label ? 0 : a.label < b.label ? -1 : 1),
  cpu: (a, b) => descending(a.cpu, b.cpu) || comparisons.name(a, b),
  memory: (a, b) => descending(a.memory, b.memory) || comparisons.name(a, b),
};

/** By group, those without one first, then by name. */
function byGroup(a: Row, b: Row): number {
  const [groupOfA, groupOfB] = [groupKey(a), groupKey(b)];
  if (groupOfA === groupOfB) return comparisons.name(a, b);
  return groupOfA < groupOfB ? -1 : 1;
}

function groupKey(row: Row | undefined): string {
  const { grouping } = row ?? {};
  return grouping === undefined ? '' : `${grouping.group} ${grouping.orchestrator}`;
}

/** The heading of a group, with the sums of all its containers. */
function groupRow({ grouping }: Row, all: readonly Row[]): Html | undefined {
  if (grouping === undefined) return undefined;
  const { group, orchestrator } = grouping;
  const members = all.filter((row) => row.grouping?.group === group && row.grouping.orchestrator === orchestrator);
  const sum = (value: (row: Row) => number) =>
    members.map(value).reduce((total, each) => (Number.isNaN(each) ? total : total + each), 0);
  return html`<tr class="group"><th scope="rowgroup">${group} <small>${orchestrator}, ${members.length}</small></th><td class="number">${cores(
    sum(({ cpu }) => cpu),
  )}</td><td class="number">${bytes(sum(({ memory }) => memory))}</td><td></td><td></td><td></td></tr>
`;
}

/** What is unknown comes last. */
function descending(a: number, b: number): number {
  return (Number.isNaN(b) ? -1 : b) - (Number.isNaN(a) ? -1 : a);
}

function measured(entry: Entry): Row {
  const readings = entry.container === undefined ? [] : recent(readingsOf(entry.container, 2));
  const [last, current] = [readings.at(-2), readings.at(-1)];
  return {
    ...entry,
    cpu: coresOf(last, current),
    memory: current?.workingSet ?? Number.NaN,
    grouping: entry.container && groupingOf(entry.container.description),
  };
}

function rowOf({ name, label, href, container, cpu, memory }: Row, withState: boolean): Html {
  const limit = container && limitsOf(container).memory;
  const aliases = container?.description.aliases.filter((alias) => alias !== label) ?? [];
  return html`<tr><th scope="row">${container ? html`<a href="${href}" title="${name}">${label}</a>` : label}${
    !withState && aliases[0] !== undefined && html` <small>${aliases[0]}</small>`
  }</th><td class="number">${cores(cpu)}</td><td class="number">${bytes(memory)}</td><td>${
    limit !== undefined &&
    Number.isFinite(memory) &&
    bar(Math.min(1, memory / limit), `${bytes(memory)} of ${bytes(limit)}`)
  }</td>${
    withState &&
    html`<td>${container ? stateText(container.description.state) : UNKNOWN}</td><td><code>${container?.description.image ?? UNKNOWN}</code></td>`
  }</tr>
`;
}

function header(order: Order, title: string, current: Order): Html {
  const sorted = order === current ? html` aria-sort="${order === 'name' ? 'ascending' : 'descending'}"` : '';
  return html`<th scope="col"${sorted}><a href="?sort=${order}" data-inplace>${title}</a></th>`;
}

function pager(order: Order, current: number, pages: number, range: string): Html {
  const link = (page: number, text: string): Html =>
    page >= 1 && page <= pages
      ? html`<a href="?sort=${order}&amp;page=${page}" data-inplace>${text}</a>`
      : html`<span class="quiet">${text}</span>`;
  return html`<nav class="pager" aria-label="Pages of this table">${link(current - 1, 'Previous')} <span>${range}</span> ${link(current + 1, 'Next')}</nav>`;
}
