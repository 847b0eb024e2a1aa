import { incompleteOf, Joiner, lacks, type Row, type Snapshot, type Wanted } from '../../../../client/top/index.js';
import { html } from '../shared/html.js';
import { Links } from '../shared/links.js';
import { fillOf } from '../shared/spark.js';
import { COLUMNS, cellHtml, headHtml, itemHtml, type MeterCell, pagerHtml, type RowContext } from '../shared/table.js';
import {
  addressOf,
  inScope,
  numbersOf,
  type OverviewView,
  type Scope,
  type Shown,
  shownOf,
  type Trouble,
  type Troubles,
  viewOf,
} from '../shared/view.js';
import { Courses } from './courses.js';
import { ask } from './poller.js';

/** What the answers of the agent may take at most, bytes per second: rows, and what is wrong with them. */
const ROWS_BYTES = 20_000;
const TROUBLES_BYTES = 5_000;
/** Rows and troubles are asked for this often or less, ms. */
const ROWS_MS = 1000;
const TROUBLES_MS = 10_000;

interface BriefWhy {
  readonly containers: readonly (Trouble & { readonly container: string })[];
}
interface CapsuleList {
  readonly capsules: readonly { readonly id: string; readonly container: string }[];
}

/** A row of the table as it was drawn. */
interface Drawn {
  readonly element: HTMLTableRowElement;
  /** What is in its cells. */
  readonly cells: string[];
}

/** Keeps a table of containers current, and arranges it as its filters and the address say. */
export class LiveTable {
  private view: OverviewView = viewOf(new URLSearchParams(location.search));
  private snapshot: Snapshot | undefined;
  private troubles: Troubles = new Map();
  private capsules: ReadonlyMap<string, string> = new Map();
  private readonly joiner = new Joiner();
  private readonly courses = new Courses();
  private readonly drawn = new Map<string, Drawn>();
  private readonly body: HTMLTableSectionElement;
  private readonly form: HTMLFormElement | null;
  private readonly links: Links;
  private readonly scope: Scope;
  private rowsMs = ROWS_MS;
  private troublesMs = TROUBLES_MS;
  /** The pointer or the focus is on a row, which shall not move away. */
  private isHeld = false;
  private order: readonly string[] = [];

  /** @param renewNow calls `renew` without waiting for its interval */
  constructor(
    private readonly section: HTMLElement,
    private readonly renewNow: () => void,
  ) {
    const { base = '', runtime, parent } = section.dataset;
    this.links = new Links(base);
    this.scope = { runtime: runtime || undefined, parent: parent || undefined };
    this.body = section.querySelector('tbody')!;
    this.form = section.querySelector('form');
    this.listen();
  }

  /** Asks for the newest numbers and shows them: every number of the rows on the page, and what orders the others. */
  async renew(signal: AbortSignal): Promise<void> {
    try {
      const bytes = await this.askAll(signal);
      // The first answer says what every container is, the others do not.
      if (this.order.length > 0) this.rowsMs = Math.max(ROWS_MS, (bytes / ROWS_BYTES) * 1000);
    } finally {
      if (!signal.aborted) this.show();
    }
  }

  /** @returns the length of the answers */
  private async askAll(signal: AbortSignal): Promise<number> {
    const others = numbersOf(this.view);
    const ids = this.snapshot === undefined ? [] : containersIn(this.shown()).map(({ facts }) => facts.id);
    const bytes = await this.ask(others && { ids, others }, signal);
    const rows = containersIn(this.shown());
    this.courses.show(rows.map(({ facts }) => facts.id));
    // Rows that came to be seen just now are asked for at once.
    const missing = incompleteOf(this.snapshot!, rows);
    if (missing.length === 0 && this.courses.missing().length === 0) return bytes;
    return bytes + (await this.ask({ ids: missing }, signal));
  }

  /** @returns the length of the answer */
  private async ask(wanted: Wanted | undefined, signal: AbortSignal): Promise<number> {
    const histories = this.courses.missing();
    const query = this.joiner.query(wanted, histories);
    const text = await (await ask(`${this.section.dataset.url!.replace(/\/$/, '')}?${query}`, signal)).text();
    this.snapshot = this.joiner.join(text);
    this.courses.add(this.snapshot, histories);
    return text.length;
  }

  private shown(): Shown {
    const { scope, view, troubles } = this;
    return shownOf(this.snapshot!.rows.filter(inScope(scope)), view, troubles, scope);
  }

  readonly rowsInterval = (): number => this.rowsMs;
  readonly troublesInterval = (): number => this.troublesMs;

  /** Asks what is wrong with the containers, and which capsules there are. */
  async renewTroubles(signal: AbortSignal): Promise<void> {
    const { why, capsules } = this.section.dataset;
    const text = await (await ask(`${why}?brief=true`, signal)).text();
    const { containers } = JSON.parse(text) as BriefWhy;
    this.troubles = new Map(containers.map((trouble) => [trouble.container, trouble]));
    const listed = await (await ask(capsules!, signal)).text();
    const kept = (JSON.parse(listed) as CapsuleList).capsules;
    this.capsules = new Map(kept.map(({ container, id }) => [container, id]));
    this.troublesMs = Math.max(TROUBLES_MS, ((text.length + listed.length) / TROUBLES_BYTES) * 1000);
  }

  private listen(): void {
    const { section, form } = this;
    for (const [name, isHeld] of [
      ['pointerenter', true],
      ['pointerleave', false],
      ['focusin', true],
      ['focusout', false],
    ] as const) {
      this.body.addEventListener(name, () => {
        this.isHeld = isHeld;
      });
    }
    section.addEventListener('click', (event) => {
      const link = (event.target as Element).closest<HTMLAnchorElement>('a[data-inplace]');
      if (link === null || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
      event.preventDefault();
      this.change(viewOf(new URL(link.href).searchParams), link.closest('th')?.className);
    });
    form?.addEventListener('submit', (event) => event.preventDefault());
    form?.addEventListener('input', () => {
      const query = new URLSearchParams(new FormData(form) as unknown as Record<string, string>);
      this.change({ ...viewOf(query), sort: this.view.sort, isReversed: this.view.isReversed });
    });
  }

  /** @param focused class of the head that keeps the focus */
  private change(view: OverviewView, focused?: string): void {
    this.view = view;
    this.isHeld = false;
    history.replaceState(null, '', addressOf(view) === '?' ? location.pathname : addressOf(view));
    this.showHead();
    const { snapshot } = this;
    if (snapshot === undefined) return;
    const isKnown =
      !lacks(snapshot, numbersOf(view)) && incompleteOf(snapshot, containersIn(this.shown())).length === 0;
    if (isKnown) this.show();
    else this.renewNow();
    if (focused !== undefined) this.section.querySelector<HTMLElement>(`th.${focused.split(' ')[0]} a`)?.focus();
  }

  private show(): void {
    if (this.snapshot === undefined) return;
    const shown = this.shown();
    const { links, troubles, capsules, courses, scope } = this;
    const { time: now } = this.snapshot;
    const history = ({ facts }: Row) => courses.of(facts.id);
    const context: RowContext = { links, troubles, capsules, now, history, parent: scope.parent };
    const items = new Map(shown.items.map((item) => [item.key, item]));
    // Rows under the pointer stay where they are, those that are new come at the end.
    const isSame = this.isHeld && this.order.length === items.size && this.order.every((key) => items.has(key));
    if (!isSame) this.order = [...items.keys()];
    for (const [place, key] of this.order.entries()) {
      const { element } = this.draw(key, items.get(key)!, context);
      if (this.body.rows[place] !== element) this.body.insertBefore(element, this.body.rows[place] ?? null);
    }
    while (this.body.rows.length > this.order.length) this.body.rows[this.order.length]!.remove();
    for (const key of this.drawn.keys()) if (!items.has(key)) this.drawn.delete(key);
    this.showHead();
    setHtml(this.section.querySelector('.pager')!, pagerHtml(this.view, shown).text);
    this.section.querySelector<HTMLElement>('.none')!.hidden = items.size > 0;
  }

  private showHead(): void {
    setHtml(this.section.querySelector('thead')!, headHtml(this.view).text);
  }

  private draw(key: string, item: Parameters<typeof itemHtml>[0], context: RowContext): Drawn {
    const known = this.drawn.get(key);
    if (item.members !== undefined || known === undefined) {
      const text = itemHtml(item, context).text;
      if (known?.cells[0] === text) return known;
      const template = document.createElement('template');
      template.innerHTML = text;
      const element = template.content.querySelector('tr')!;
      const cells = item.members === undefined ? COLUMNS.map((column) => contentOf(column, item.row, context)) : [text];
      if (known !== undefined) known.element.replaceWith(element);
      const drawn = { element, cells };
      this.drawn.set(key, drawn);
      return drawn;
    }
    for (const [index, column] of COLUMNS.entries()) {
      const cell = known.element.cells[index]!;
      if (column.meter !== undefined) {
        showMeter(cell, column.meter(item.row, context));
        continue;
      }
      const content = contentOf(column, item.row, context);
      if (content === known.cells[index]) continue;
      known.cells[index] = content;
      cell.innerHTML = content;
    }
    return known;
  }
}

function containersIn({ items }: Shown): Row[] {
  return items.filter(({ members }) => members === undefined).map(({ row }) => row);
}

function contentOf(column: (typeof COLUMNS)[number], row: Row, context: RowContext): string {
  return column.meter === undefined ? html`${cellHtml(column, row, context)}`.text : '';
}

/** Writes what changed only: this is done for every row each second. */
function showMeter(cell: Element, { text, line, share, title }: MeterCell): void {
  const [meter] = cell.children as unknown as [HTMLElement];
  const [spark, value, bar] = meter.children as unknown as [SVGElement, HTMLElement, SVGElement];
  if (value.textContent !== text) {
    value.textContent = text;
    meter.title = title;
  }
  setAttribute(spark.firstElementChild!, 'd', line);
  const { width, level } = fillOf(share ?? 0);
  setAttribute(bar, 'class', `bar ${share === undefined ? 'none' : level}`);
  setAttribute(bar.lastElementChild!, 'width', width);
}

function setAttribute(element: Element, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

const written = new WeakMap<Element, string>();

function setHtml(element: Element, text: string): void {
  if (written.get(element) === text) return;
  written.set(element, text);
  element.innerHTML = text;
}
