import {
  type Arrangement,
  arranged,
  GROUPING_NAMES,
  type Item,
  incompleteOf,
  isRunning,
  lacks,
  numbersFor,
  type Row,
  type Snapshot,
  SORT_NAMES,
  STATES,
  shareOf,
  type Wanted,
} from '../../client/top/index.js';
import { Table } from './columns.js';
import { clockTime, type Detail, detailLines } from './detail.js';
import type { Style } from './style.js';
import { fit, percent, size } from './text.js';

const HELP: readonly (readonly [string, string])[] = [
  ['up down PgUp PgDn Home End', 'move (also j and k)'],
  ['Enter', 'details of the container; hide or show a group'],
  ['Esc', 'back; remove the filter'],
  ['/', 'filter: words of name, image; state:exited label:team=a image: project: pod: runtime: !not'],
  ['f', 'state: any, running, stopped, in trouble'],
  ['s S', 'sort by the next or previous quantity'],
  ['c m n', 'sort by CPU, memory, name'],
  ['r', 'reverse the order'],
  ['g', 'group by compose project or pod, by runtime, not at all'],
  ['t', 'tree of cgroups'],
  ['a', 'also cgroups that belong to no container runtime'],
  ['+ -', 'update more or less often'],
  ['Space p', 'pause and continue'],
  ['h ?', 'this help'],
  ['q', 'quit'],
];

const HELP_KEY_WIDTH = 28;
const FRAME_LINES = 4;
const KEYS = 'q quit  / filter  s sort  g group  t tree  f state  a all  Enter detail  Space pause  h help';
const DETAIL_KEYS = 'Esc back  up/down scroll  Space pause  q quit';
const INTERVALS_S = [0.5, 1, 2, 5, 10, 30, 60];

/** Keys that change the table. */
const CHANGES: Readonly<Record<string, (arrangement: Arrangement) => Partial<Arrangement>>> = {
  escape: () => ({ filter: '', state: 0 }),
  f: ({ state }) => ({ state: (state + 1) % STATES.length }),
  s: ({ sort }) => ({ sort: next(SORT_NAMES, sort, 1) }),
  S: ({ sort }) => ({ sort: next(SORT_NAMES, sort, -1) }),
  c: () => ({ sort: 'cpu' }),
  m: () => ({ sort: 'memory' }),
  n: () => ({ sort: 'name' }),
  r: ({ isReversed }) => ({ isReversed: !isReversed }),
  g: ({ grouping }) => ({ grouping: next(GROUPING_NAMES, grouping, 1), isTree: false }),
  t: ({ isTree }) => ({ isTree: !isTree }),
  a: ({ showsAll }) => ({ showsAll: !showsAll }),
};

/** The number of lines that a key moves. */
const STEPS: Readonly<Record<string, (page: number) => number>> = {
  up: () => -1,
  k: () => -1,
  down: () => 1,
  j: () => 1,
  'page-up': (page) => -page,
  'page-down': (page) => page,
  home: () => Number.NEGATIVE_INFINITY,
  end: () => Number.POSITIVE_INFINITY,
};

export type View = 'table' | 'detail' | 'help';

/** The action of a key besides changing the screen. */
export type KeyAction = 'quit' | 'suspend' | 'redraw' | 'detail' | undefined;

/** The state of the screen, changed by keys. Independent of the terminal and the agent. */
export class Screen {
  view: View = 'table';
  isPaused = false;
  snapshot: Snapshot | undefined;
  detail: Detail | undefined;
  /** Whether newer numbers are due. */
  isOutdated = false;
  /** Why the numbers are not updated. */
  trouble: string | undefined;
  private items: readonly Item[] = [];
  /** What `items` are made of. */
  private arranged: readonly unknown[] = [];
  private selected = '';
  private top = 0;
  private scroll = 0;
  private detailHeight = 0;
  private isTyping = false;
  private filterBefore = '';

  constructor(
    private arrangement: Arrangement,
    public intervalS: number,
    private readonly style: Style,
  ) {}

  /** The container whose details are shown. */
  get path(): string {
    return this.selected;
  }

  private change(change: Partial<Arrangement>): void {
    this.arrangement = { ...this.arrangement, ...change };
  }

  /** What has to be requested to show the screen with the newest numbers, or with those of the moment of a pause. */
  wanted(height: number): Wanted | 'everything' | 'nothing' {
    const { snapshot } = this;
    if (snapshot === undefined) return 'everything';
    const others = this.isPaused ? undefined : numbersFor(this.arrangement);
    const isDue = this.isOutdated || lacks(snapshot, others);
    if (others === undefined) return isDue ? 'everything' : 'nothing';
    const rows = this.rowsInView(height);
    if (isDue) return { ids: rows.map(({ facts }) => facts.id), others };
    const ids = incompleteOf(snapshot, rows);
    return ids.length > 0 ? { ids } : 'nothing';
  }

  /** The rows of which something is on the screen: also the machine, which is in its first line. */
  private rowsInView(height: number): Row[] {
    const { rows } = this.snapshot!;
    this.arrange(height);
    const selected = rows.find(({ facts }) => facts.path === this.selected);
    const host = rows.find(({ facts }) => facts.path === '/');
    const shown = this.items.slice(this.top, this.top + roomIn(height)).map(({ row }) => row);
    return [host, selected, ...shown].filter((row) => row !== undefined);
  }

  key(key: string, height: number): KeyAction {
    if (key === 'interrupt') return 'quit';
    if (key === 'suspend' || key === 'redraw') return key;
    if (this.isTyping) this.typed(key);
    else if (key === 'q') return 'quit';
    else if (key === ' ' || key === 'p') this.isPaused = !this.isPaused;
    else if (this.view === 'help') this.view = 'table';
    else if (key === 'h' || key === '?') this.view = 'help';
    else if (this.view === 'detail') this.detailKey(key, height);
    else return this.tableKey(key, height);
    return undefined;
  }

  private typed(key: string): void {
    const { filter } = this.arrangement;
    if (key === 'enter') this.isTyping = false;
    else if (key === 'escape') {
      this.isTyping = false;
      this.change({ filter: this.filterBefore });
    } else if (key === 'backspace') this.change({ filter: [...filter].slice(0, -1).join('') });
    else if ([...key].length === 1) this.change({ filter: filter + key });
  }

  private detailKey(key: string, height: number): void {
    const page = height - FRAME_LINES;
    if (key === 'escape' || key === 'left' || key === 'enter') this.view = 'table';
    this.scroll = Math.max(0, Math.min(this.scroll + (STEPS[key]?.(page) ?? 0), this.detailHeight - page));
  }

  private tableKey(key: string, height: number): KeyAction {
    const step = STEPS[key]?.(height - FRAME_LINES);
    if (step !== undefined) this.move(step);
    else if (key === 'enter' || key === 'right') return this.open();
    else if (key === '+') this.intervalS = INTERVALS_S.findLast((each) => each < this.intervalS) ?? this.intervalS;
    else if (key === '-') this.intervalS = INTERVALS_S.find((each) => each > this.intervalS) ?? this.intervalS;
    else if (key === '/') {
      this.isTyping = true;
      this.filterBefore = this.arrangement.filter;
    } else if (Object.hasOwn(CHANGES, key)) this.change(CHANGES[key]!(this.arrangement));
    return undefined;
  }

  private move(step: number): void {
    const { items } = this;
    if (items.length === 0) return;
    const index = items.findIndex(({ key }) => key === this.selected);
    this.selected = items[Math.max(0, Math.min(index + step, items.length - 1))]!.key;
  }

  private open(): KeyAction {
    const item = this.items.find(({ key }) => key === this.selected);
    if (item === undefined) return undefined;
    if (item.members === undefined) {
      this.view = 'detail';
      this.detail = undefined;
      this.scroll = 0;
      return 'detail';
    }
    const collapsed = new Set(this.arrangement.collapsed);
    if (!collapsed.delete(item.key)) collapsed.add(item.key);
    this.change({ collapsed });
    return undefined;
  }

  /** The lines of the screen. */
  lines(width: number, height: number): string[] {
    if (this.view === 'help') return this.helpLines(width, height);
    if (this.snapshot === undefined) return [fit(this.trouble ?? 'waiting for the agent', width)];
    return this.view === 'detail' ? this.detailScreen(width, height) : this.tableScreen(width, height);
  }

  private tableScreen(width: number, height: number): string[] {
    const { style } = this;
    const room = roomIn(height);
    this.arrange(height);
    const { items } = this;
    const table = new Table(width, style);
    const body = items.slice(this.top, this.top + room).map((item) => table.line(item, item.key === this.selected));
    if (items.length === 0) body.push(fit('no container fits', width));
    while (body.length < room) body.push('');
    return [this.hostLine(width), this.orderLine(width, items.length), table.head(), ...body, this.bottom(KEYS, width)];
  }

  /** Sorts the rows, and scrolls to the selected one. */
  private arrange(height: number): void {
    const { snapshot, arrangement } = this;
    if (this.arranged[0] !== snapshot || this.arranged[1] !== arrangement) {
      this.items = arranged(snapshot!.rows, arrangement);
      this.arranged = [snapshot, arrangement];
    }
    const { items } = this;
    const room = roomIn(height);
    let index = items.findIndex(({ key }) => key === this.selected);
    if (index < 0) {
      index = 0;
      // The details of a container that is gone stay on the screen.
      if (this.view === 'table') this.selected = items[0]?.key ?? '';
    }
    this.top = Math.max(Math.min(this.top, index, items.length - room), index - room + 1, 0);
  }

  private detailScreen(width: number, height: number): string[] {
    const { snapshot, style } = this;
    const row = snapshot!.rows.find(({ facts }) => facts.path === this.selected);
    const room = height - FRAME_LINES;
    const all = row === undefined ? ['the container is gone'] : detailLines(row, this.detail, width, style);
    this.detailHeight = all.length;
    const body = all.slice(this.scroll, this.scroll + room);
    while (body.length < room) body.push('');
    const name = style.bold(fit(row?.facts.name ?? this.selected, width));
    return [this.hostLine(width), name, '', ...body, this.bottom(DETAIL_KEYS, width)];
  }

  private helpLines(width: number, height: number): string[] {
    const lines = HELP.map(([keys, text]) => fit(`  ${keys.padEnd(HELP_KEY_WIDTH)}${text}`, width));
    const notes = [
      'CPU% counts one core as 100. LIM% is the share of the limit, THR% of CPU periods in which the',
      'container was throttled, PSI% of the last 10 s in which it waited (the greatest of CPU, memory, I/O).',
      'Numbers of a cgroup include those below it.',
    ].map((text) => fit(`  ${text}`, width));
    return [this.style.bold(fit('tallyman top', width)), '', ...lines, '', ...notes].slice(0, height);
  }

  private hostLine(width: number): string {
    const { rows, host, time, version } = this.snapshot!;
    const root: Row | undefined = rows.find(({ facts }) => facts.path === '/');
    const containers = rows.filter(({ facts }) => facts.runtime !== undefined);
    const running = containers.filter(isRunning).length;
    const used = shareOf(root?.cpu ?? null, host.cores);
    const parts = [
      `tallyman ${version}`,
      clockTime(time),
      `CPU ${percent(used)}% of ${host.cores}`,
      `memory ${size(root?.memory ?? null)} of ${size(host.memory)}`,
      `${running} running, ${containers.length - running} stopped, ${rows.length - containers.length} cgroups`,
    ];
    return fit(parts.join('  '), width);
  }

  private orderLine(width: number, shown: number): string {
    const { sort, isReversed, filter, state, grouping, isTree } = this.arrangement;
    if (this.isTyping) return fit(`filter: ${filter}_`, width);
    const parts = [
      `${shown} shown by ${sort}${isReversed ? ' reversed' : ''}`,
      isTree ? 'tree' : grouping !== 'none' && `grouped by ${grouping}`,
      state > 0 && `state: ${STATES[state]!.name}`,
      filter !== '' && `filter: ${filter}`,
      `every ${this.intervalS} s`,
    ];
    return fit(parts.filter(Boolean).join('  '), width);
  }

  private bottom(keys: string, width: number): string {
    const { style, trouble, isPaused } = this;
    if (trouble !== undefined) return style.alarm(2, fit(trouble, width));
    return style.dim(fit(isPaused ? `PAUSED  ${keys}` : keys, width));
  }
}

/** Lines for rows. */
function roomIn(height: number): number {
  return Math.max(0, height - FRAME_LINES);
}

function next<T>(all: readonly T[], current: T, step: number): T {
  return all[(all.indexOf(current) + step + all.length) % all.length]!;
}
