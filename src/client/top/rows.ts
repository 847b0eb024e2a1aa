import { COLUMNS } from './columns.js';

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
const NUMBERS = COLUMNS.slice(1) as Exclude<(typeof COLUMNS)[number], 'id'>[];
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
  /** By the ids of facts that were asked for. */
  readonly history: Readonly<Record<string, ShortHistory>>;
}

interface Answer {
  readonly version: string;
  readonly time: number;
  readonly host: Snapshot['host'];
  readonly since: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (number | null)[])[];
  readonly facts: readonly Facts[];
  readonly history?: Snapshot['history'];
}

/** Joins the numbers of an answer with the facts of earlier ones, which the agent does not send again. */
export class Joiner {
  /** `since` of the last answer. */
  since = '';
  private facts = new Map<number, Facts>();
  private instance = '';

  join(text: string): Snapshot {
    const { version, time, host, since, columns, rows, facts, history = {} } = JSON.parse(text) as Answer;
    const instance = since.split('.')[0]!;
    // Another agent, or one that was restarted, counts anew and sends everything.
    if (instance !== this.instance) this.facts.clear();
    this.instance = instance;
    for (const each of facts) this.facts.set(each.id, each);
    this.since = since;
    const places = NUMBERS.map((name) => columns.indexOf(name));
    const current = new Map<number, Facts>();
    const joined: Row[] = [];
    for (const row of rows) {
      const known = this.facts.get(row[0]!);
      if (known === undefined) continue;
      current.set(known.id, known);
      joined.push(rowOf(known, row, places));
    }
    this.facts = current;
    return { version, time: time / 1000, host, rows: joined, history };
  }
}

function rowOf(facts: Facts, values: readonly (number | null)[], places: readonly number[]): Row {
  const row = { facts } as { facts: Facts } & Record<NumberName, number | null>;
  for (let i = 0; i < NUMBERS.length; i++) row[NUMBERS[i]!] = values[places[i]!] ?? null;
  return row;
}

/** A row as `--json` prints it. */
export function rowJson({ facts: { id: _, ...facts }, age: _age, ...numbers }: Row): Record<string, unknown> {
  const { name, path, labels, ...rest } = facts;
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
