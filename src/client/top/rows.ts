import { COLUMNS, MAX_IDS } from './columns.js';

/** What `/api/top` says of a container besides its numbers. */
export interface Facts {
  readonly id: number;
  readonly path: string;
  readonly name: string;
  readonly runtime?: string;
  readonly container_id?: string;
  readonly image?: string;
  readonly state: string;
  readonly health?: string;
  readonly exit_code?: number;
  readonly exit_reason?: string;
  readonly oom_killed?: boolean;
  readonly restarts?: number;
  readonly started_at?: number;
  readonly finished_at?: number;
  readonly project?: string;
  readonly pod?: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** The columns besides the id, which joins a row with its facts. */
export const NUMBERS = COLUMNS.slice(1) as Exclude<(typeof COLUMNS)[number], 'id'>[];
export type NumberName = (typeof NUMBERS)[number];

/** A container at one time. Numbers that are not known are null. */
export interface Row extends Readonly<Record<NumberName, number | null>> {
  readonly facts: Facts;
}

/** CPU in cores and working set in bytes of the last two minutes in 30 steps, oldest first. */
export interface ShortHistory {
  readonly cpu: readonly (number | null)[];
  readonly memory: readonly (number | null)[];
}

export interface Snapshot {
  /** Version of the agent. */
  readonly version: string;
  /** ms since the epoch */
  readonly time: number;
  readonly host: { readonly cores: number; readonly memory: number };
  readonly rows: readonly Row[];
  /** Ids of the rows of which all numbers are known; absent: all rows. */
  readonly whole?: ReadonlySet<number>;
  /** With `whole`: the numbers that are known of the other rows. */
  readonly known?: readonly NumberName[];
  /** By the ids of facts that were asked for. */
  readonly history: Readonly<Record<string, ShortHistory>>;
}

/** What a reader needs to know of the containers. */
export interface Wanted {
  /** Ids of the rows that it shows. */
  readonly ids: readonly number[];
  /** Numbers that it needs of every other row; absent: those rows stay as they were. */
  readonly others?: readonly NumberName[] | undefined;
}

type Numbers = readonly (number | null)[];

interface Answer {
  readonly version: string;
  readonly time: number;
  readonly host: Snapshot['host'];
  readonly since: string;
  readonly columns: readonly string[];
  readonly rows: readonly Numbers[];
  readonly others?: { readonly columns: readonly string[]; readonly rows: readonly Numbers[] } | null;
  readonly facts: readonly Facts[];
  readonly history?: Snapshot['history'];
}

/**
 * Joins the numbers of an answer with the facts and rows of earlier ones, which the agent does not send again.
 * The rows of one snapshot are those of the next with other numbers.
 */
export class Joiner {
  /** `since` of the last answer. */
  since = '';
  private facts = new Map<number, Facts>();
  private rows = new Map<number, Row>();
  private whole = new Set<number>();
  private known: readonly NumberName[] = [];
  private instance = '';

  /**
   * The query of the next request.
   * @param wanted undefined: every number
   * @param history ids of facts
   */
  query(wanted?: Wanted, history: readonly number[] = []): URLSearchParams {
    const query = new URLSearchParams({ since: this.since });
    if (wanted !== undefined && wanted.ids.length <= MAX_IDS) {
      query.set('ids', wanted.ids.join());
      if (wanted.others !== undefined) query.set('others', wanted.others.join());
    }
    if (history.length > 0) query.set('history', history.slice(0, MAX_IDS).join());
    return query;
  }

  join(text: string): Snapshot {
    const { version, time, host, since, columns, rows, others, facts, history = {} } = JSON.parse(text) as Answer;
    const instance = since.split('.')[0]!;
    // Another agent, or one that was restarted, counts anew and sends everything.
    if (instance !== this.instance) {
      for (const known of [this.facts, this.rows, this.whole]) known.clear();
    }
    this.instance = instance;
    for (const each of facts) this.facts.set(each.id, each);
    this.since = since;
    const before = this.rows;
    if (others !== null) {
      this.rows = new Map();
      this.whole = new Set();
      this.known = NUMBERS;
    }
    for (const id of this.add(columns, rows, before)) this.whole.add(id);
    if (others) {
      this.add(others.columns, others.rows, before);
      this.known = NUMBERS.filter((name) => others.columns.includes(name));
    }
    // What is not listed any more is gone.
    if (others !== null) for (const id of this.facts.keys()) if (!this.rows.has(id)) this.facts.delete(id);
    const { whole, known } = this;
    const isWhole = whole.size === this.rows.size;
    return {
      version,
      time: time / 1000,
      host,
      rows: [...this.rows.values()],
      ...(!isWhole && { whole: new Set(whole), known }),
      history,
    };
  }

  /** @param before the rows of the last answer @returns the ids of the rows */
  private add(columns: readonly string[], rows: readonly Numbers[], before: ReadonlyMap<number, Row>): number[] {
    const key = columns.join();
    const names = columns.map((column) => NUMBERS.find((name) => name === column));
    const added: number[] = [];
    for (const values of rows) {
      const id = values[0]!;
      const facts = this.facts.get(id);
      if (facts === undefined) continue;
      const row = (before.get(id) as NumberedRow | undefined) ?? new NumberedRow(facts);
      row.take(key, names, values);
      this.rows.set(id, row);
      added.push(id);
    }
    return added;
  }
}

/** A row that is kept from answer to answer: making a thousand of them each second costs more than all else. */
class NumberedRow implements Row {
  age: number | null = null;
  cpu: number | null = null;
  throttled: number | null = null;
  memory: number | null = null;
  pressure_cpu: number | null = null;
  pressure_memory: number | null = null;
  pressure_io: number | null = null;
  disk_read: number | null = null;
  disk_write: number | null = null;
  network_receive: number | null = null;
  network_transmit: number | null = null;
  cpu_limit: number | null = null;
  memory_limit: number | null = null;
  processes: number | null = null;
  private columns = '';

  constructor(readonly facts: Facts) {}

  /** Takes numbers over; those of other columns are unknown from now on. */
  take(columns: string, names: readonly (NumberName | undefined)[], values: Numbers): void {
    if (this.columns !== columns) for (const name of NUMBERS) this[name] = null;
    this.columns = columns;
    for (let i = 1; i < names.length; i++) {
      const name = names[i];
      if (name !== undefined) this[name] = values[i] ?? null;
    }
  }
}

/** Whether any of these numbers is unknown of any row. @param needed undefined: all */
export function lacks({ whole, known = [] }: Snapshot, needed: readonly NumberName[] | undefined): boolean {
  return whole !== undefined && (needed === undefined || !needed.every((name) => known.includes(name)));
}

/** Those of these rows of which some numbers are not known. */
export function incompleteOf({ whole }: Snapshot, rows: readonly Row[]): number[] {
  if (whole === undefined) return [];
  return rows.map(({ facts }) => facts.id).filter((id) => id >= 0 && !whole.has(id));
}

/** A row as `--json` prints it. */
export function rowJson(row: Row): Record<string, unknown> {
  const { id: _, name, path, labels, ...rest } = row.facts;
  const numbers = Object.fromEntries(NUMBERS.filter((number) => number !== 'age').map((each) => [each, row[each]]));
  return { name, path, ...numbers, ...rest, labels };
}

export function isRunning({ facts: { state } }: Row): boolean {
  return state === 'running' || state === 'paused';
}

/** Share of its limit that a container uses; null without one. */
export function shareOf(used: number | null, limit: number | null): number | null {
  return used === null || limit === null || limit === 0 ? null : used / limit;
}

/** The sum of what is known; null when nothing is. */
export function sum(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((total, value) => total + value, 0);
}

/** The greatest of its three pressures, in percent. */
export function pressureOf({ pressure_cpu, pressure_memory, pressure_io }: Row): number | null {
  const known = [pressure_cpu, pressure_memory, pressure_io].filter((value) => value !== null);
  return known.length === 0 ? null : Math.max(...known);
}

export function diskOf({ disk_read, disk_write }: Row): number | null {
  return sum([disk_read, disk_write]);
}

export function networkOf({ network_receive, network_transmit }: Row): number | null {
  return sum([network_receive, network_transmit]);
}
