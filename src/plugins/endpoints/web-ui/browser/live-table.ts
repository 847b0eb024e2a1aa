import { incompleteOf, Joiner, lacks, type Row, type Snapshot, type Wanted } from '../../../../client/top/index.js';
import { Links } from '../shared/links.js';
import { headHtml, pagerHtml, type RowContext } from '../shared/table.js';
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
import { TableRows } from './table-rows.js';

/** What the answers of the agent may take at most, bytes per second: rows, and what is wrong with them. */
const ROWS_BYTES = 20_000;
const TROUBLES_BYTES = 5_000;
/** Rows and troubles are asked for this often or less, ms. */
const ROWS_MS = 1000;
const TROUBLES_MS = 10_000;

type BriefWhy = Record<'containers', readonly (Trouble & { readonly container: string })[]>;
type CapsuleList = Record<'capsules', readonly { readonly id: string; readonly container: string }[]>;

/** Keeps a table of containers current, and arranges it as its filters and the address say. */
export class LiveTable {
  private view: OverviewView = viewOf(new URLSearchParams(location.search));
  private snapshot: Snapshot | undefined;
  private troubles: Troubles = new Map();
  private capsules: ReadonlyMap<string, string> = new Map();
  private readonly joiner = new Joiner();
  private readonly courses = new Courses();
  private readonly body: HTMLTableSectionElement;
  private readonly rows: TableRows;
  private readonly form: HTMLFormElement | null;
  private readonly links: Links;
  private readonly scope: Scope;
  private rowsMs = ROWS_MS;
  private troublesMs = TROUBLES_MS;
  /** The pointer or the focus is on a row, which shall not move away. */
  private isHeld = false;
  private order: readonly string[] = [];
  /** Another view was chosen, and is not shown yet. */
  private isChanged = false;

  /** @param renewNow calls `renew` without waiting for its interval */
  constructor(
    private readonly section: HTMLElement,
    private readonly renewNow: () => void,
  ) {
    const { base = '', runtime, parent } = section.dataset;
    this.links = new Links(base);
    this.scope = { runtime: runtime || undefined, parent: parent || undefined };
    this.body = section.querySelector('tbody')!;
    this.rows = new TableRows(this.body);
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
    const text = await ask(`${this.section.dataset.url!.replace(/\/$/, '')}?${query}`, signal);
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
    const text = await ask(`${why}?brief=true`, signal);
    const { containers } = JSON.parse(text) as BriefWhy;
    this.troubles = new Map(containers.map((trouble) => [trouble.container, trouble]));
    const listed = await ask(capsules!, signal);
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
    this.isChanged = true;
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
    this.rows.show(
      this.order.map((key) => items.get(key)!),
      context,
      this.isChanged,
    );
    this.isChanged = false;
    this.showHead();
    setHtml(this.section.querySelector('.pager')!, pagerHtml(this.view, shown).text);
    this.section.querySelector<HTMLElement>('.none')!.hidden = items.size > 0;
  }

  private showHead(): void {
    setHtml(this.section.querySelector('thead')!, headHtml(this.view).text);
  }
}

function containersIn({ items }: Shown): Row[] {
  return items.filter(({ members }) => members === undefined).map(({ row }) => row);
}

const written = new WeakMap<Element, string>();

function setHtml(element: Element, text: string): void {
  const before = written.get(element);
  if (before === text) return;
  written.set(element, text);
  // What the server wrote stays when it is the same, with the focus that is in it.
  if (before === undefined && isMarkupOf(element, text)) return;
  element.innerHTML = text;
}

function isMarkupOf(element: Element, text: string): boolean {
  const template = document.createElement('template');
  template.innerHTML = text;
  return template.innerHTML === element.innerHTML;
}
