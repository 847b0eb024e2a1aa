import { diskOf, type Item, isRunning, networkOf, pressureOf, type Row, shareOf } from '../../client/top/index.js';
import type { Alarm, Style } from './style.js';
import { count, fit, line, percent, size, UNKNOWN } from './text.js';

export interface Column {
  readonly title: string;
  readonly width: number;
  readonly isText?: boolean;
  text(row: Row): string;
  alarm?(row: Row): Alarm;
}

/** A column of shares, with the values from which on they alarm. */
function share(title: string, warning: number, critical: number, value: (row: Row) => number | null): Column {
  const alarm = (row: Row): Alarm => {
    const known = value(row) ?? 0;
    return known >= critical ? 2 : known >= warning ? 1 : 0;
  };
  return { title, width: 4, text: (row) => percent(value(row)), alarm };
}

/** Pressure is measured in percent. */
function pressure(title: string, value: (row: Row) => number | null): Column {
  return share(title, 0.2, 0.5, (row) => {
    const percents = value(row);
    return percents === null ? null : percents / 100;
  });
}

function rate(title: string, value: (row: Row) => number | null): Column {
  return { title, width: 6, text: (row) => size(value(row)) };
}

const SHORT_STATES: Readonly<Record<string, string>> = {
  running: 'run',
  paused: 'paus',
  restarting: 'rest',
  exited: 'exit',
  created: 'new',
};

function shortState({ facts: { state, health } }: Row): string {
  if (health === 'unhealthy') return 'sick';
  return SHORT_STATES[state] ?? state;
}

function fullState({ facts: { state, health, exit_code, oom_killed } }: Row): string {
  if (state === 'exited') return oom_killed === true ? 'exited OOM' : `exited ${count(exit_code)}`;
  return health === undefined ? state : health;
}

const stateAlarm = ({ facts: { health, state, exit_code } }: Row): Alarm => {
  if (health === 'unhealthy' || state === 'dead' || (state === 'exited' && (exit_code ?? 0) !== 0)) return 2;
  return state === 'restarting' || health === 'starting' ? 1 : 0;
};

const state: Column = { title: 'STAT', width: 4, isText: true, text: shortState, alarm: stateAlarm };
const cpu: Column = { title: 'CPU%', width: 6, text: ({ cpu: cores }) => percent(cores) };
const ofCpuLimit = share('LIM%', 0.7, 0.9, (row) => shareOf(row.cpu, row.cpu_limit));
const throttled = share('THR%', 0.05, 0.25, (row) => row.throttled);
const memory: Column = { title: 'MEM', width: 5, text: (row) => size(row.memory) };
const ofMemoryLimit = share('LIM%', 0.8, 0.9, (row) => shareOf(row.memory, row.memory_limit));
const processes: Column = { title: 'PROC', width: 4, text: (row) => count(row.processes) };
const restarts: Column = { title: 'RST', width: 3, text: ({ facts }) => count(facts.restarts) };

const NARROW: readonly Column[] = [
  state,
  cpu,
  ofCpuLimit,
  throttled,
  memory,
  ofMemoryLimit,
  pressure('PSI%', pressureOf),
  rate('DISK/s', diskOf),
  { title: 'NET/s', width: 5, text: (row) => size(networkOf(row)) },
  processes,
  restarts,
];

const WIDE: readonly Column[] = [
  { title: 'STATE', width: 10, isText: true, text: fullState, alarm: stateAlarm },
  cpu,
  {
    title: 'LIMIT',
    width: 5,
    text: ({ cpu_limit: cores }) => (cores === null ? UNKNOWN : String(Number(cores.toFixed(2)))),
  },
  ofCpuLimit,
  throttled,
  memory,
  { title: 'LIMIT', width: 5, text: (row) => size(row.memory_limit) },
  ofMemoryLimit,
  pressure('PSIc', (row) => row.pressure_cpu),
  pressure('PSIm', (row) => row.pressure_memory),
  pressure('PSIi', (row) => row.pressure_io),
  rate('READ/s', (row) => row.disk_read),
  rate('WRIT/s', (row) => row.disk_write),
  rate('RECV/s', (row) => row.network_receive),
  rate('SEND/s', (row) => row.network_transmit),
  processes,
  restarts,
];

const WIDE_FROM = 132;
const IMAGE_FROM = 165;
const IMAGE: Column = { title: 'IMAGE', width: 28, isText: true, text: ({ facts }) => facts.image ?? UNKNOWN };
/** Minimum width of the name of a container; the last columns are omitted for it. */
const SHORTEST_NAME = 14;

/** The columns after the name that fit into a terminal of this width. */
export function columnsFor(width: number): readonly Column[] {
  const all = width >= IMAGE_FROM ? [...WIDE, IMAGE] : width >= WIDE_FROM ? WIDE : NARROW;
  const shown = [...all];
  while (shown.length > 1 && width - widthOf(shown) < SHORTEST_NAME) shown.pop();
  return shown;
}

/** Width of columns, each preceded by a blank. */
export function widthOf(columns: readonly Column[]): number {
  return columns.reduce((total, { width }) => total + width + 1, 0);
}

/** Prints lines of the table for one width of the terminal. */
export class Table {
  private readonly columns: readonly Column[];
  private readonly nameWidth: number;

  constructor(
    width: number,
    private readonly style: Style,
  ) {
    this.columns = columnsFor(width);
    this.nameWidth = Math.max(1, width - widthOf(this.columns));
  }

  head(): string {
    const titles = this.columns.map(({ title, width, isText }) => ` ${fit(title, width, isText !== true)}`);
    return this.style.bold(`${fit('NAME', this.nameWidth)}${titles.join('')}`);
  }

  line({ label, row, members }: Item, isSelected = false): string {
    const { style } = this;
    const name = this.name(label);
    if (members !== undefined) {
      const cells = this.columns.map(({ width, isText, text }) => fit(isText === true ? '' : text(row), width, true));
      const text = [name, ...cells].join(' ');
      return isSelected ? style.selected(text) : style.bold(text);
    }
    const cells = this.columns.map((column) => {
      const text = fit(column.text(row), column.width, column.isText !== true);
      return isSelected ? text : style.alarm(column.alarm?.(row) ?? 0, text);
    });
    const text = [name, ...cells].join(' ');
    if (isSelected) return style.selected(text);
    return isRunning(row) ? text : style.dim(text);
  }

  /** Shortens a path at its beginning, because its end is more specific. */
  private name(label: string): string {
    const { nameWidth } = this;
    const isLongPath = label.startsWith('/') && label.length > nameWidth && line(label) === label;
    return fit(isLongPath ? `~${label.slice(1 - nameWidth)}` : label, nameWidth);
  }
}
