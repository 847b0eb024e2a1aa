import { diskOf, networkOf, pressureOf, type Row, shareOf } from '../../client/top/index.js';
import { count, percent, size, UNKNOWN } from './text.js';

/** Severity of a number: 0 none, 1 warning, 2 critical. */
export type Alarm = 0 | 1 | 2;

export interface Column {
  readonly title: string;
  readonly width: number;
  readonly isText?: boolean;
  text(row: Row): string;
  alarm?(row: Row): Alarm;
}

const alarmAt =
  (warning: number, critical: number, value: (row: Row) => number | null) =>
  (row: Row): Alarm => {
    const known = value(row) ?? 0;
    return known >= critical ? 2 : known >= warning ? 1 : 0;
  };

const cpuShare = (row: Row) => shareOf(row.cpu, row.cpu_limit);
const memoryShare = (row: Row) => shareOf(row.memory, row.memory_limit);
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

const pressure = (title: string, name: 'pressure_cpu' | 'pressure_memory' | 'pressure_io'): Column => ({
  title,
  width: 4,
  text: (row) => pressureText(row[name]),
  alarm: alarmAt(20, 50, (row) => row[name]),
});
const rate = (title: string, name: 'disk_read' | 'disk_write' | 'network_receive' | 'network_transmit'): Column => ({
  title,
  width: 6,
  text: (row) => size(row[name]),
});

/** Pressure is measured in percent. */
function pressureText(value: number | null): string {
  return percent(value === null ? null : value / 100);
}

const state: Column = { title: 'STAT', width: 4, isText: true, text: shortState, alarm: stateAlarm };
const cpu: Column = { title: 'CPU%', width: 6, text: ({ cpu: cores }) => percent(cores) };
const ofCpuLimit: Column = {
  title: 'LIM%',
  width: 4,
  text: (row) => percent(cpuShare(row)),
  alarm: alarmAt(0.7, 0.9, cpuShare),
};
const throttled: Column = {
  title: 'THR%',
  width: 4,
  text: (row) => percent(row.throttled),
  alarm: alarmAt(0.05, 0.25, (row) => row.throttled),
};
const memory: Column = { title: 'MEM', width: 5, text: (row) => size(row.memory) };
const ofMemoryLimit: Column = {
  title: 'LIM%',
  width: 4,
  text: (row) => percent(memoryShare(row)),
  alarm: alarmAt(0.8, 0.9, memoryShare),
};
const processes: Column = { title: 'PROC', width: 4, text: (row) => count(row.processes) };
const restarts: Column = { title: 'RST', width: 3, text: ({ facts }) => count(facts.restarts) };

const NARROW: readonly Column[] = [
  state,
  cpu,
  ofCpuLimit,
  throttled,
  memory,
  ofMemoryLimit,
  { title: 'PSI%', width: 4, text: (row) => pressureText(pressureOf(row)), alarm: alarmAt(20, 50, pressureOf) },
  { title: 'DISK/s', width: 6, text: (row) => size(diskOf(row)) },
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
  pressure('PSIc', 'pressure_cpu'),
  pressure('PSIm', 'pressure_memory'),
  pressure('PSIi', 'pressure_io'),
  rate('READ/s', 'disk_read'),
  rate('WRIT/s', 'disk_write'),
  rate('RECV/s', 'network_receive'),
  rate('SEND/s', 'network_transmit'),
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
