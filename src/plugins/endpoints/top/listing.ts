import { randomBytes } from 'node:crypto';
import { COLUMNS, MEASURES } from '../../../client/top/columns.js';
import { ByteWriter } from '../../../kernel/contracts/bytes/index.js';
import { type AgentView, type Clock, type ContainerView, Slices } from '../../../kernel/contracts/index.js';
import { type Facts, FactTable } from './facts.js';
import { historyOf, type ShortHistory } from './history.js';
import { Meter } from './measure.js';
import { PacedReadings, type Reading } from './paced.js';

/** Requests within this time, ms, get the same numbers: the cost does not grow with the number of readers. */
const SHARED_MS = 500;

/** So many containers get their history in one answer. */
const HISTORIES = 200;

interface Entry {
  readonly container: ContainerView;
  /** Index of the nearest container above it, −1 for none. */
  readonly parent: number;
}

/** The rows of all containers as bytes, made at most twice per second however many ask. */
export class Listing {
  /** Facts of the containers in `rows`, in their order, then those of containers that ended a short while ago. */
  private facts: readonly Facts[] = [];
  /** Tells this listing from that of another agent or of an earlier run. */
  private readonly instance = randomBytes(6).toString('hex');
  private readonly out = new ByteWriter(16 * 1024);
  private readonly table = new FactTable();
  private readonly meter = new Meter();
  private readonly paced: PacedReadings;
  private entries: readonly Entry[] = [];
  private containers: readonly ContainerView[] = [];
  private madeAt = Number.NEGATIVE_INFINITY;
  private renewing: Promise<void> | undefined;

  constructor(
    private readonly agent: AgentView,
    private readonly clock: Clock,
  ) {
    this.paced = new PacedReadings(clock);
  }

  /**
   * The answer to a client.
   * @param since `since` of its last answer: facts that it has are left out
   * @param history ids of the facts of containers whose short history it wants
   */
  write(out: ByteWriter, since = '', history: readonly number[] = []): void {
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
    out.bytes(this.out.buffer.subarray(0, this.out.length));
    out.ascii(',"facts":');
    out.json(this.facts.filter(({ id }) => id > known));
    if (history.length > 0) {
      out.ascii(',"history":');
      out.json(this.histories(history));
    }
    out.ascii('}');
  }

  private histories(ids: readonly number[]): Record<number, ShortHistory> {
    const wanted = new Set(ids.slice(0, HISTORIES));
    const now = this.clock.now();
    const found: Record<number, ShortHistory> = {};
    for (const [index, { container }] of this.entries.entries()) {
      const id = this.facts[index]?.id;
      if (id !== undefined && wanted.has(id)) found[id] = historyOf(container, now, this.meter);
    }
    return found;
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
    const entries = this.current();
    const readings = await this.readings(entries);
    this.madeAt = this.clock.monotonic();
    this.renderRows(entries, readings);
  }

  private renderRows(entries: readonly Entry[], readings: readonly Reading[]): void {
    const { out } = this;
    out.length = 0;
    out.ascii('[');
    const processes = this.processCounts(entries, readings);
    const now = this.clock.now();
    const facts = entries.map(({ container }) => this.table.of(container, container.name, container.description));
    for (const [index, { container }] of entries.entries()) {
      if (index > 0) out.ascii(',');
      this.writeRow(container, facts[index]!.id, readings[index]!, processes[index]!, now);
    }
    for (const { name, description } of this.agent.departed()) {
      if (facts.length > 0) out.ascii(',');
      facts.push(this.table.of(description, name, description));
      out.ascii(`[${facts.at(-1)!.id}]`);
    }
    out.ascii(']');
    this.facts = facts;
  }

  /** In the first round everything is read, which takes a while on a host with many containers. */
  private async readings(entries: readonly Entry[]): Promise<Reading[]> {
    this.paced.begin();
    const slices = new Slices();
    const readings: Reading[] = [];
    for (const { container } of entries) {
      if (slices.isOver()) await slices.pause();
      readings.push(this.paced.of(container));
    }
    return readings;
  }

  /** Numbers of processes with those of the containers below, which come after their parents. */
  private processCounts(entries: readonly Entry[], readings: readonly Reading[]): number[] {
    const counts = readings.map(({ processes }) => processes);
    for (let i = entries.length - 1; i >= 0; i--) {
      const { parent } = entries[i]!;
      if (parent >= 0) counts[parent]! += counts[i]!;
    }
    return counts;
  }

  private writeRow(container: ContainerView, id: number, reading: Reading, processes: number, now: number): void {
    const { out, meter } = this;
    meter.newest(container);
    out.ascii('[');
    out.integer(id);
    this.number(meter.time === 0 ? Number.NaN : (now - meter.time) / 1e6);
    for (let i = 0; i < MEASURES.length; i++) this.number(meter.values[i]!);
    this.number(reading.cores);
    this.number(reading.memory);
    this.number(processes);
    out.ascii(']');
  }

  /** Four digits behind the point are enough for people, and short. */
  private number(value: number): void {
    const { out } = this;
    out.ascii(',');
    if (!Number.isFinite(value)) out.ascii('null');
    else if (value >= 1000 || Number.isInteger(value)) out.integer(Math.round(value));
    else out.float(Math.round(value * 1e4) / 1e4);
  }

  private current(): readonly Entry[] {
    const containers = this.agent.containers();
    if (containers === this.containers) return this.entries;
    this.containers = containers;
    const indexes = new Map(containers.map(({ name }, index) => [name, index]));
    this.entries = containers.map((container) => ({ container, parent: parentOf(container.name, indexes) }));
    return this.entries;
  }
}

function parentOf(name: string, indexes: ReadonlyMap<string, number>): number {
  for (let path = name; path !== '/' && path !== ''; ) {
    path = path.slice(0, path.lastIndexOf('/'));
    const index = indexes.get(path === '' ? '/' : path);
    if (index !== undefined) return index;
  }
  return -1;
}
