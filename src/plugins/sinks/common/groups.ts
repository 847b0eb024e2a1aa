import type { ByteWriter } from '../../../kernel/contracts/bytes/index.js';
import type { ExportContainer, ExportSample, Label } from '../../../kernel/contracts/index.js';

/** A metric of a group: a series of the sample, or a fact with its value. */
interface GroupMember {
  readonly name: string;
  /** Place in `sample.series`; −1 for a fact. */
  readonly index: number;
  /** The value of a fact. */
  readonly fact: number | bigint;
}

/** The metrics of a sample that have the same labels besides the container's own. */
export interface SampleGroup {
  /** Labels besides the container's own; none in the first group. */
  readonly labels: readonly Label[];
  readonly members: readonly GroupMember[];
}

/** Groups the series and facts of a sample by their labels. The group without further labels comes first. */
function groupsOf({ series, facts }: ExportSample): readonly SampleGroup[] {
  const groups = new Map<string, { labels: readonly Label[]; members: GroupMember[] }>([
    ['[]', { labels: [], members: [] }],
  ]);
  const add = (labels: readonly Label[], member: GroupMember) => {
    const key = JSON.stringify(labels);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { labels, members: [member] });
    else group.members.push(member);
  };
  for (const [index, { family, labels }] of series.entries()) add(labels, { name: family.name, index, fact: 0 });
  for (const { family, label, value } of facts) {
    add(label === undefined ? [] : [label], { name: family.name, index: -1, fact: value });
  }
  return [...groups.values()].filter(({ members }) => members.length > 0);
}

/** Metrics that are written one after the other, prepared as bytes. */
export interface PreparedMetrics {
  /** Text before each number, for example `"name":`. */
  readonly names: readonly Uint8Array[];
  readonly indexes: Int32Array;
  /** Numbers of facts as text; undefined for series. */
  readonly facts: readonly (Uint8Array | undefined)[];
}

/** @param nameText gives the text before a metric's number */
export function prepareMetrics({ members }: SampleGroup, nameText: (name: string) => string): PreparedMetrics {
  return {
    names: members.map(({ name }) => Buffer.from(nameText(name))),
    indexes: Int32Array.from(members, ({ index }) => index),
    facts: members.map(({ index, fact }) => (index < 0 ? Buffer.from(String(fact)) : undefined)),
  };
}

/** Writes the metrics that have a number now, separated by commas. @returns how many */
export function writeMetrics(out: ByteWriter, sample: ExportSample, metrics: PreparedMetrics): number {
  const { names, indexes, facts } = metrics;
  let count = 0;
  for (let i = 0; i < names.length; i++) {
    const index = indexes[i]!;
    const fact = facts[i];
    const value = fact === undefined ? sample.value(index) : 0;
    // Applications may have infinite values, which neither JSON nor the line protocol can express.
    if (!Number.isFinite(value)) continue;
    if (count++ > 0) out.ascii(',');
    out.bytes(names[i]!);
    if (fact !== undefined) out.bytes(fact);
    else writeNumber(out, sample, index, value);
  }
  return count;
}

/** Writes the value of a series, integers exactly. */
export function writeNumber(out: ByteWriter, { series, cursor }: ExportSample, index: number, value: number): void {
  const { column, divisor, minus } = series[index]!;
  if (divisor !== 1 || !Number.isInteger(value)) out.float(value);
  else out.integer(value, minus < 0 ? (cursor.residuals?.[cursor.base + column] ?? 0) : 0);
}

interface Kept<T> {
  readonly series: ExportSample['series'];
  readonly facts: ExportSample['facts'];
  readonly labels: ExportContainer['labels'];
  readonly prepared: T;
}

/** Keeps what is prepared of a container's labels and metrics until one of them changes. */
export class PreparedByContainer<T> {
  private readonly kept = new WeakMap<ExportContainer, Kept<T>>();

  constructor(private readonly prepare: (groups: readonly SampleGroup[], sample: ExportSample) => T) {}

  of(sample: ExportSample): T {
    const { container, series, facts } = sample;
    const kept = this.kept.get(container);
    if (kept?.series === series && kept.facts === facts && kept.labels === container.labels) return kept.prepared;
    const prepared = this.prepare(groupsOf(sample), sample);
    this.kept.set(container, { series, facts, labels: container.labels, prepared });
    return prepared;
  }
}
