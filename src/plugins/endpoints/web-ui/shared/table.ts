import {
  diskOf,
  type Item,
  networkOf,
  pressureOf,
  type Row,
  type ShortHistory,
  shareOf,
} from '../../../../client/top/index.js';
import { type Html, type HtmlValue, html } from './html.js';
import type { Links } from './links.js';
import { barOf, pathOf, sparkline } from './spark.js';
import { ago, stateOf } from './states.js';
import { byteRate, bytes, cores, percent, plain, UNKNOWN } from './units.js';
import {
  addressOf,
  directionOf,
  type OverviewView,
  type Shown,
  type SortKey,
  sortedBy,
  type Troubles,
} from './view.js';

/** What rows are shown with besides their numbers. */
export interface RowContext {
  readonly links: Links;
  readonly troubles: Troubles;
  /** Ids of the newest capsule by the absolute name of its container. */
  readonly capsules: ReadonlyMap<string, string>;
  /** ms since the epoch */
  readonly now: number;
  history(row: Row): ShortHistory | undefined;
  /** Names of cgroups are shown as below it. */
  readonly parent: string | undefined;
}

/** A number with its course and its share of a limit. */
export interface MeterCell {
  readonly text: string;
  /** Path of the course. */
  readonly line: string;
  /** 0 … 1; undefined without a limit. */
  readonly share: number | undefined;
  readonly title: string;
}

interface Column {
  readonly key: SortKey;
  readonly title: string;
  /** What the title is short for. */
  readonly help?: string;
  readonly isText?: boolean;
  readonly meter?: (row: Row, context: RowContext) => MeterCell;
  readonly cell?: (row: Row, context: RowContext) => HtmlValue;
  readonly sum?: (row: Row) => string;
}

export const COLUMNS: readonly Column[] = [
  { key: 'name', title: 'Container', isText: true, cell: nameCell },
  { key: 'state', title: 'State', isText: true, cell: stateCell },
  { key: 'wrong', title: 'What is wrong', isText: true, cell: wrongCell },
  { key: 'cpu', title: 'CPU', help: 'cores', meter: cpuMeter, sum: ({ cpu }) => plain(cpu) },
  {
    key: 'memory',
    title: 'Memory',
    help: 'working set',
    meter: memoryMeter,
    sum: ({ memory }) => bytes(memory),
  },
  {
    key: 'pressure',
    title: 'Waits',
    help: 'share of the last 10 s in which it waited for CPU, memory or I/O: the greatest',
    cell: pressureCell,
  },
  {
    key: 'disk',
    title: 'Disk',
    help: 'bytes read and written per second',
    cell: (row) => rateCell(diskOf(row), row.disk_read, row.disk_write, 'read', 'written'),
    sum: (row) => byteRate(diskOf(row)),
  },
  {
    key: 'network',
    title: 'Network',
    help: 'bytes received and sent per second',
    cell: (row) => rateCell(networkOf(row), row.network_receive, row.network_transmit, 'received', 'sent'),
    sum: (row) => byteRate(networkOf(row)),
  },
  {
    key: 'processes',
    title: 'Procs',
    help: 'processes',
    cell: ({ processes }) => processes ?? UNKNOWN,
    sum: ({ processes }) => String(processes ?? UNKNOWN),
  },
];

/** The heads of the columns, each a link that sorts by it. */
export function headHtml(view: OverviewView): Html {
  return html`<tr>${COLUMNS.map(({ key, title, help, isText }) => {
    const sorted = view.sort === key && html` aria-sort="${directionOf(view)}"`;
    return html`<th scope="col" class="c-${key}${!isText && ' num'}"${sorted}><a href="${addressOf(sortedBy(view, key))}" data-inplace${help !== undefined && html` title="${help}"`}>${title}</a></th>`;
  })}</tr>`;
}

/** A row, or the head of a group with its sums. */
export function itemHtml({ row, members }: Item, context: RowContext): Html {
  return members === undefined ? rowHtml(row, context) : groupHtml(row, members);
}

function rowHtml(row: Row, context: RowContext): Html {
  return html`<tr>${COLUMNS.map((column) => {
    const kind = html`class="c-${column.key}${!column.isText && ' num'}"`;
    const content = cellHtml(column, row, context);
    return column.key === 'name' ? html`<th scope="row" ${kind}>${content}</th>` : html`<td ${kind}>${content}</td>`;
  })}</tr>
`;
}

export function cellHtml(column: Column, row: Row, context: RowContext): HtmlValue {
  return column.meter === undefined ? column.cell!(row, context) : meterHtml(column.meter(row, context));
}

function meterHtml({ text, line, share, title }: MeterCell): Html {
  return html`<span class="meter" title="${title}">${sparkline(line)}<span class="v">${text}</span>${barOf(share)}</span>`;
}

function groupHtml(row: Row, members: number): Html {
  const [first, state, wrong, ...rest] = COLUMNS;
  return html`<tr class="group"><th scope="rowgroup" colspan="${[first, state, wrong].length}">${row.facts.name} <small>${members}</small></th>${rest.map(
    ({ key, sum }) => html`<td class="c-${key} num">${sum?.(row)}</td>`,
  )}</tr>
`;
}

function nameCell({ facts: { name, path, image, project, pod } }: Row, { links, parent = '/' }: RowContext): Html {
  const more = [image, project ?? pod].filter((text) => text !== undefined).join(' · ');
  const label = name === path && parent !== '/' ? path.slice(parent.length) : name;
  return html`<a href="${links.container(path)}" title="${path}">${label}</a>${more !== '' && html`<span class="sub" title="${more}">${more}</span>`}`;
}

function stateCell({ facts }: Row, { now }: RowContext): Html {
  const { text, level } = stateOf(facts);
  const { finished_at: finishedAt, restarts = 0, state } = facts;
  const ended = (state === 'exited' || state === 'dead') && finishedAt !== undefined && ago(now - finishedAt / 1000);
  const restarted = restarts > 0 && `${restarts} ${restarts === 1 ? 'restart' : 'restarts'}`;
  const more = [ended, restarted].filter(Boolean).join(' · ');
  return html`<span class="state ${level}">${text}</span>${more !== '' && html`<span class="sub">${more}</span>`}`;
}

function wrongCell({ facts: { path } }: Row, { links, troubles, capsules }: RowContext): HtmlValue {
  const trouble = troubles.get(path);
  const capsule = capsules.get(path);
  const more = trouble !== undefined && trouble.findings > 1 && html` <small>+${trouble.findings - 1}</small>`;
  return [
    trouble &&
      html`<a class="wrong ${trouble.severity}" href="${links.container(path)}#why">${trouble.what}</a>${more}`,
    capsule !== undefined &&
      html` <a class="capsule" href="${links.api('capsules', `/${capsule}`)}" download>capsule</a>`,
  ];
}

/** A course of nearly nothing shall not look like a storm. */
const LEAST_CORES = 0.05;
const LEAST_BYTES = 2 ** 20;

function cpuMeter(row: Row, context: RowContext): MeterCell {
  const { cpu, cpu_limit: limit, throttled } = row;
  const { share, title } = useOf(cpu, limit, cores);
  const held = (throttled ?? 0) > 0 ? `, throttled in ${percent(throttled! * 100)} of the periods` : '';
  const line = pathOf(context.history(row)?.cpu ?? [], Math.max(limit ?? 0, LEAST_CORES));
  return { text: plain(cpu), share, line, title: title + held };
}

function memoryMeter(row: Row, context: RowContext): MeterCell {
  const { memory, memory_limit: limit } = row;
  const line = pathOf(context.history(row)?.memory ?? [], LEAST_BYTES);
  return { text: bytes(memory), line, ...useOf(memory, limit, bytes) };
}

function useOf(used: number | null, limit: number | null, inWords: (value: number | null) => string) {
  const share = shareOf(used, limit) ?? undefined;
  const ofLimit = share === undefined ? ', no limit' : `, ${percent(share * 100)} of its limit of ${inWords(limit)}`;
  return { share, title: inWords(used) + ofLimit };
}

const MUCH_PRESSURE = 20;

function pressureCell(row: Row): HtmlValue {
  const greatest = pressureOf(row);
  if (greatest === null) return UNKNOWN;
  const { pressure_cpu: cpu, pressure_memory: memory, pressure_io: io } = row;
  const parts = [
    ['CPU', cpu],
    ['memory', memory],
    ['I/O', io],
  ] as const;
  const title = parts.map(([what, share]) => `${what} ${percent(share)}`).join(', ');
  return html`<span${greatest >= MUCH_PRESSURE && html` class="high"`} title="${title}">${percent(greatest)}</span>`;
}

function rateCell(sum: number | null, one: number | null, other: number | null, a: string, b: string): HtmlValue {
  if (sum === null) return UNKNOWN;
  const title = `${byteRate(one)} ${a}, ${byteRate(other)} ${b}`;
  return html`<span title="${title}">${byteRate(sum)}</span>`;
}

/** How many there are, and the way to the other pages. */
export function pagerHtml(view: OverviewView, { fitting, known, first, last, page, pages }: Shown): Html {
  const count = fitting === known ? `${known}` : `${fitting} of ${known}`;
  const noun = known === 1 ? 'container' : 'containers';
  const link = (to: number, text: string): Html =>
    to >= 1 && to <= pages
      ? html`<a href="${addressOf({ ...view, page: to })}" data-inplace>${text}</a>`
      : html`<span class="quiet">${text}</span>`;
  return html`<span>${count} ${noun}</span>${
    pages > 1 && html`<span>${link(page - 1, '‹ Previous')} ${first}–${last} ${link(page + 1, 'Next ›')}</span>`
  }`;
}
