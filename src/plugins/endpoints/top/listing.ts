import { randomBytes } from 'node:crypto';
import { COLUMNS, type ColumnName, MAX_IDS } from '../../../client/top/columns.js';
import type { ShortHistory } from '../../../client/top/index.js';
import { ByteWriter } from '../../../kernel/contracts/bytes/index.js';
import { type AgentView, type Clock, type ContainerView, Slices } from '../../../kernel/contracts/index.js';
import { type Facts, FactTable } from './facts.js';
import { historyOf } from './history.js';
import { Meter } from './measure.js';
import { PacedReadings, type Reading } from './paced.js';

/** Requests within this time, ms, get the same numbers: the cost does not grow with the number of readers. */
const SHARED_MS = 500;

export interface ListQuery {
  /** `since` of its last answer: facts that it has are left out. */
  readonly since?: string;
  /** Ids of the facts of containers whose short history it wants. */
  readonly history?: readonly number[];
  /** Ids of those whose whole row it wants; absent: of all. */
  readonly ids?: readonly number[];
  /** With `ids`: these columns of every other container; absent: nothing of the others. */
  readonly others?: readonly ColumnName[];
}

interface Entry {
  readonly container: ContainerView;
  /** Index of the nearest container above it, −1 for none. */
  readonly parent: number;
}

/** The rows of all containers, taken from their samples at most twice per second however many ask. */
export class Listing {
  /** Facts of the containers in `entries`, in their order, then those of containers that ended a short while ago. */
  private facts: readonly Facts[] = [];
  /** Distinguishes this listing from that of another agent or of an earlier run. */
  private readonly instance = randomBytes(6).toString('hex');
  /** All rows as bytes; undefined until the first client of a round wants them. */
  private rows: Uint8Array | undefined;
  private readonly out = new ByteWriter(16 * 1024);
  private readonly table = new FactTable();
  private readonly meter = new Meter();
  private readonly paced: PacedReadings;
  private entries: readonly Entry[] = [];
  private readings: readonly Reading[] = [];
  private processes: readonly number[] = [];
  /** Indexes in `facts` by id, made when ids are asked for. */
  private indexes: ReadonlyMap<number, number> | undefined;
  private containers: readonly ContainerView[] = [];
  private madeAt = Number.NEGATIVE_INFINITY;
  private renewing: Promise<void> | undefined;

  constructor(
    private readonly agent: AgentView,
    private readonly clock: Clock,
  ) {
    this.paced = new PacedReadings(clock);
  }

  write(out: ByteWriter, { since = '', history = [], ids, others }: ListQuery = {}): void {
    const [instance, fact = '0'] = since.split('.');
    const known = instance === this.instance && /^\d{1,15}$/.test(fact) ? Number(fact) : 0;
    const { num_cores: cores, memory_capacity: memory } = this.agent.host.machine();
    const head = {
      version: this.agent.version,
      time: this.clock.now(),
      host: { cores, memory },
      since: `${this.instance}.${this.table.last}`,
      columns: COLUMNS,
    };
    out.ascii(JSON.stringify(head).slice(0, -1));
    out.ascii(',"rows":');
    if (ids === undefined) out.bytes(this.allRows());
    else this.writeSome(out, ids, others);
    out.ascii(',"facts":');
    out.json(known === this.table.last ? [] : this.facts.filter(({ id }) => id > known));
    if (history.length > 0) {
      out.ascii(',"history":');
      out.json(this.histories(history));
    }
    out.ascii('}');
  }

  /** Makes the rows anew unless they are fresh. Callers at the same time share the work. */
  async refresh(): Promise<void> {
    if (this.clock.monotonic() - this.madeAt < SHARED_MS) return;
    this.renewing ??= this.renew().finally(() => {
      this.renewing = undefined;
    });
    await this.renewing;
  }

  private async renew(): Promise<void> {
    const containers = this.agent.containers();
    const entries = containers === this.containers ? this.entries : entriesOf(containers);
    const readings = await this.readAll(entries);
    this.madeAt = this.clock.monotonic();
    this.rows = undefined;
    this.containers = containers;
    this.entries = entries;
    this.readings = readings;
    this.processes = processCounts(entries, readings);
    const facts = entries.map(({ container }) => this.table.of(container, container.name, container.description));
    for (const { name, description } of this.agent.departed())
      facts.push(this.table.of(description, name, description));
    if (facts.length !== this.facts.length || facts.some((each, index) => each !== this.facts[index])) {
      this.facts = facts;
      this.indexes = undefined;
    }
  }

  /** In the first round everything is read, which takes a while on a host with many containers. */
  private async readAll(entries: readonly Entry[]): Promise<Reading[]> {
    this.paced.begin();
    const slices = new Slices();
    const readings: Reading[] = [];
    for (const { container } of entries) {
      if (slices.isOver()) await slices.pause();
      readings.push(this.paced.of(container));
    }
    return readings;
  }

  private histories(ids: readonly number[]): Record<number, ShortHistory> {
    const now = this.clock.now();
    const found: Record<number, ShortHistory> = {};
    for (const index of this.indexesOf(ids)) {
      const entry = this.entries[index];
      if (entry !== undefined) found[this.facts[index]!.id] = historyOf(entry.container, now, this.meter);
    }
    return found;
  }

  /** Unknown ids are left out. */
  private indexesOf(ids: readonly number[]): number[] {
    this.indexes ??= new Map(this.facts.map(({ id }, index) => [id, index]));
    return [...new Set(ids.slice(0, MAX_IDS))].flatMap((id) => this.indexes!.get(id) ?? []);
  }

  private allRows(): Uint8Array {
    if (this.rows !== undefined) return this.rows;
    const { out } = this;
    out.length = 0;
    out.ascii('[');
    for (let index = 0; index < this.facts.length; index++) this.writeRow(out, index, COLUMNS, index === 0);
    out.ascii(']');
    this.rows = out.buffer.subarray(0, out.length);
    return this.rows;
  }

  private writeSome(out: ByteWriter, ids: readonly number[], others: readonly ColumnName[] | undefined): void {
    const whole = this.indexesOf(ids);
    out.ascii('[');
    for (const [place, index] of whole.entries()) this.writeRow(out, index, COLUMNS, place === 0);
    out.ascii('],"others":');
    if (others === undefined) {
      out.ascii('null');
      return;
    }
    const columns: readonly ColumnName[] = ['id', ...others];
    const isWhole = new Set(whole);
    out.ascii('{"columns":');
    out.json(columns);
    out.ascii(',"rows":[');
    let isFirst = true;
    for (let index = 0; index < this.facts.length; index++) {
      if (isWhole.has(index)) continue;
      this.writeRow(out, index, columns, isFirst);
      isFirst = false;
    }
    out.ascii(']}');
  }

  /** Of a container that ended there is the id only. */
  private writeRow(out: ByteWriter, index: number, columns: readonly ColumnName[], isFirst: boolean): void {
    const { meter } = this;
    out.ascii(isFirst ? '[' : ',[');
    out.integer(this.facts[index]!.id);
    const entry = this.entries[index];
    if (entry !== undefined && columns.length > 1) {
      meter.newest(entry.container);
      for (let i = 1; i < columns.length; i++) writeNumber(out, this.valueOf(columns[i]!, index));
    }
    out.ascii(']');
  }

  /** A number of the container that the meter is at. */
  private valueOf(column: ColumnName, index: number): number {
    const { meter } = this;
    switch (column) {
      case 'id':
        return this.facts[index]!.id;
      case 'age':
        return meter.time === 0 ? Number.NaN : (this.clock.now() - meter.time) / 1e6;
      case 'cpu_limit':
        return this.readings[index]!.cores;
      case 'memory_limit':
        return this.readings[index]!.memory;
      case 'processes':
        return this.processes[index]!;
      default:
        return meter.value(column);
    }
  }
}

function entriesOf(containers: readonly ContainerView[]): readonly Entry[] {
  const indexes = new Map(containers.map(({ name }, index) => [name, index]));
  return containers.map((container) => ({ container, parent: parentOf(container.name, indexes) }));
}

function parentOf(name: string, indexes: ReadonlyMap<string, number>): number {
  for (let path = name; path !== '/' && path !== ''; ) {
    path = path.slice(0, path.lastIndexOf('/'));
    const index = indexes.get(path === '' ? '/' : path);
    if (index !== undefined) return index;
  }
  return -1;
}

/** Numbers of processes with those of the containers below, which come after their parents. */
function processCounts(entries: readonly Entry[], readings: readonly Reading[]): number[] {
  const counts = readings.map(({ processes }) => processes);
  for (let i = entries.length - 1; i >= 0; i--) {
    const { parent } = entries[i]!;
    if (parent >= 0) counts[parent]! += counts[i]!;
  }
  return counts;
}

/** Four digits behind the point are enough for people, and short. */
function writeNumber(out: ByteWriter, value: number): void {
  out.ascii(',');
  if (!Number.isFinite(value)) out.ascii('null');
  else if (value >= 1000 || Number.isInteger(value)) out.integer(Math.round(value));
  else out.float(Math.round(value * 1e4) / 1e4);
}
