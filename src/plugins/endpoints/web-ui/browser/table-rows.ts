import type { Item, Row } from '../../../../client/top/index.js';
import { html } from '../shared/html.js';
import { fillOf } from '../shared/spark.js';
import { COLUMNS, cellHtml, itemHtml, type MeterCell, type RowContext } from '../shared/table.js';
import { elementOf, setText } from './dom.js';

/** Rows this far out of view, CSS pixels, are kept current like those in view. */
const MARGIN = '200px';
/** Rows further away are renewed in every so many updates, for searches in the page and screen readers. */
const AWAY_UPDATES = 5;

interface TableRow {
  readonly element: HTMLTableRowElement;
  item: Item;
  /** What is in its cells; of the head of a group, the whole row. */
  readonly cells: string[];
  isOutdated: boolean;
  isInView: boolean;
}

/** The rows of the table in the page. A place keeps its element, whatever is shown there. */
export class TableRows {
  private readonly rows: TableRow[] = [];
  private readonly byElement = new WeakMap<Element, TableRow>();
  private readonly observer = new IntersectionObserver((entries) => this.moved(entries), { rootMargin: MARGIN });
  private context: RowContext | undefined;
  private updates = 0;

  constructor(private readonly body: HTMLTableSectionElement) {}

  /** @param isWhole also renews all rows that are out of view */
  show(items: readonly Item[], context: RowContext, isWhole: boolean): void {
    this.context = context;
    this.updates++;
    // Those that the server wrote.
    if (this.rows.length === 0) this.body.replaceChildren();
    for (const [place, item] of items.entries()) {
      const row = this.rows[place];
      if (row === undefined || isHead(row.item) || isHead(item)) {
        this.replace(place, item);
        continue;
      }
      row.item = item;
      row.isOutdated = true;
      if (isWhole || row.isInView || (place + this.updates) % AWAY_UPDATES === 0) this.renew(row);
    }
    for (const { element } of this.rows.splice(items.length)) {
      this.observer.unobserve(element);
      element.remove();
    }
  }

  private replace(place: number, item: Item): void {
    const context = this.context!;
    const before = this.rows[place];
    const markup = itemHtml(item, context);
    if (before?.cells[0] === markup.text) return;
    const element = elementOf<HTMLTableRowElement>(markup);
    const cells = isHead(item) ? [markup.text] : COLUMNS.map((column) => contentOf(column, item.row, context));
    const row = { element, item, cells, isOutdated: false, isInView: true };
    this.rows[place] = row;
    this.byElement.set(element, row);
    if (before === undefined) this.body.append(element);
    else {
      this.observer.unobserve(before.element);
      before.element.replaceWith(element);
    }
    this.observer.observe(element);
  }

  private moved(entries: readonly IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting } of entries) {
      const row = this.byElement.get(target);
      if (row === undefined) continue;
      row.isInView = isIntersecting;
      if (isIntersecting && row.isOutdated) this.renew(row);
    }
  }

  /** Writes the cells that changed. */
  private renew(row: TableRow): void {
    const { element, item, cells } = row;
    const context = this.context!;
    row.isOutdated = false;
    for (const [index, column] of COLUMNS.entries()) {
      const cell = element.cells[index]!;
      if (column.meter !== undefined) {
        showMeter(cell, column.meter(item.row, context));
        continue;
      }
      const content = contentOf(column, item.row, context);
      if (content === cells[index]) continue;
      cells[index] = content;
      cell.innerHTML = content;
    }
  }
}

function isHead({ members }: Item): boolean {
  return members !== undefined;
}

function contentOf(column: (typeof COLUMNS)[number], row: Row, context: RowContext): string {
  return column.meter === undefined ? html`${cellHtml(column, row, context)}`.text : '';
}

/** Writes what changed only: this is done for every row in view each second. */
function showMeter(cell: Element, { text, line, share, title }: MeterCell): void {
  const [meter] = cell.children as unknown as [HTMLElement];
  const [spark, value, bar] = meter.children as unknown as [SVGElement, HTMLElement, SVGElement];
  if (meter.title !== title) meter.title = title;
  setText(value, text);
  setAttribute(spark.firstElementChild!, 'd', line);
  const { width, level } = fillOf(share ?? 0);
  setAttribute(bar, 'class', `bar ${share === undefined ? 'none' : level}`);
  setAttribute(bar.lastElementChild!, 'width', width);
}

function setAttribute(element: Element, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}
