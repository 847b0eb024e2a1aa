import { ByteWriter } from '../../../kernel/contracts/bytes/index.js';
import { cadvisorNaming, type Layout, type PlannedSeries, planLayout } from '../../../kernel/contracts/index.js';
import type { AppMetricsWriter } from './app-metrics.js';
import type { ExportedContainer } from './exported-container.js';
import type { ExpositionBuffer } from './exposition-buffer.js';
import type { Family, FamilyTable, Format } from './families.js';
import type { KeptLines } from './kept-lines.js';
import type { OomKills } from './oom-kills.js';
import { beginLine, labelPairs, writeQuotient } from './text.js';

const NEWLINE = 0x0a;
const SPACE = 0x20;
/** Counted on beyond the end of the cgroup, by `OomKills`. */
const OOM_FIELD = 'oom.kills';
const END = Buffer.from('} ');

/** A series with the bytes of its lines that are always the same. */
interface SeriesText extends PlannedSeries<Family> {
  /** What follows the container's labels: `} ` or `,device="/dev/sda"} `. */
  readonly tail: Buffer;
}

/** Metrics that are not filled from a column of samples. */
export const LAST_SEEN = 'container_last_seen';
export const OOM_EVENTS = 'container_oom_events_total';

/** What is known of a layout once it was looked at. */
interface Plan {
  readonly series: readonly SeriesText[];
  /** −1: none */
  readonly oomColumn: number;
}

const NOTHING: Plan = { series: [], oomColumn: -1 };

/** Writes the series of containers: each line is assembled from bytes that were prepared before. */
export class ContainerWriter {
  private readonly plans = new WeakMap<Layout, Plan>();
  /** ` <time>\n` of the lines being written. */
  private readonly stamp = new ByteWriter(64);
  private readonly lastSeen: Family | undefined;
  private readonly oom: Family | undefined;
  private readonly hidden: ReadonlySet<string>;

  constructor(
    private readonly families: FamilyTable,
    private readonly kills: OomKills,
    private readonly timestamps: boolean,
    /** Absent: metrics of applications are not written. */
    readonly applications?: AppMetricsWriter,
    /** Names of fields that are not written. */
    hidden: Iterable<string> = [],
  ) {
    this.hidden = new Set([...hidden, OOM_FIELD]);
    const seen = 'When the container was last seen, which is now; seconds since the epoch.';
    this.lastSeen = families.take(LAST_SEEN, 'gauge', seen);
    const oom = 'Processes of the container that the kernel killed for lack of memory, earlier runs included.';
    this.oom = families.take(OOM_EVENTS, 'counter', oom);
  }

  /**
   * Points the exported's cursor at its newest sample.
   * @param now µs
   * @returns the most series that `write` will write of it
   */
  prepare(exported: ExportedContainer, now: number): number {
    exported.readSample();
    const applications = this.applications?.take(exported, now) ?? 0;
    return exported.factLines().length + this.planOf(exported).series.length + applications + 2;
  }

  /** Writes all series of a container that was prepared in the same turn. @param now µs @returns how many */
  write(buffer: ExpositionBuffer, exported: ExportedContainer, now: number): number {
    const labels = exported.labels;
    const plan = this.planOf(exported);
    let written = this.writeFacts(buffer.facts, exported, labels);
    written += this.writeSample(buffer, exported, plan.series, labels);
    written += this.applications?.write(buffer, exported, labels) ?? 0;
    // Kills of containers that have ended are included: their count is as of the scrape.
    this.setStamp(Number.NaN, buffer.format);
    written += this.writeOom(buffer, exported, plan.oomColumn, labels);
    if (!exported.isSampled || this.lastSeen === undefined) return written;
    this.setStamp(now, buffer.format);
    return written + this.line(buffer, this.lastSeen, labels, Math.floor(now / 1e6));
  }

  private writeFacts(lines: KeptLines, exported: ExportedContainer, labels: Buffer): number {
    const facts = exported.factLines();
    const kept = lines.add(exported, exported.factsRevision);
    if (kept >= 0) return kept;
    for (const { family, line } of facts) {
      const out = lines.writer(family);
      beginLine(out, family.prefix, labels, line);
      out.buffer[out.length++] = NEWLINE;
    }
    lines.wrote(facts.length);
    return facts.length;
  }

  private writeSample(
    { samples, format }: ExpositionBuffer,
    exported: ExportedContainer,
    plan: readonly SeriesText[],
    labels: Buffer,
  ): number {
    const kept = samples.add(exported, exported.sampleRevision);
    if (kept >= 0) return kept;
    this.setStamp(exported.cursor.time, format);
    const written = exported.isSampled ? this.writeColumns(samples, exported, plan, labels) : 0;
    samples.wrote(written);
    return written;
  }

  private writeColumns(
    samples: KeptLines,
    exported: ExportedContainer,
    plan: readonly SeriesText[],
    labels: Buffer,
  ): number {
    const { values, residuals, base } = exported.cursor;
    const { hasQuota } = exported.facts;
    let written = 0;
    for (const { family, column, tail, divisor, only } of plan) {
      const at = base + column;
      const value = values[at]!;
      if (Number.isNaN(value) || (only !== undefined && (only === 'quota' ? !hasQuota : value === 0))) continue;
      const out = samples.writer(family);
      beginLine(out, family.prefix, labels, tail);
      writeQuotient(out, value, residuals === undefined ? 0 : residuals[at]!, divisor);
      this.appendStamp(out);
      written++;
    }
    return written;
  }

  private writeOom(buffer: ExpositionBuffer, exported: ExportedContainer, column: number, labels: Buffer): number {
    const { name, view, cursor, description } = exported;
    const kernelCount = column < 0 ? Number.NaN : cursor.values[cursor.base + column]!;
    if (view !== undefined && kernelCount >= 0) this.kills.observe(name, view, kernelCount);
    let total = this.kills.total(name);
    // What a runtime says of a container that ended before any event could be read.
    if (total === 0 && description.state.oomKilled === true) total = 1;
    if (this.oom === undefined || (total === 0 && !(kernelCount >= 0))) return 0;
    return this.line(buffer, this.oom, labels, total);
  }

  private line(buffer: ExpositionBuffer, family: Family, labels: Buffer, value: number): number {
    const out = buffer.writer(family);
    beginLine(out, family.prefix, labels, END);
    out.integer(value);
    this.appendStamp(out);
    return 1;
  }

  private planOf({ isSampled, cursor: { layout } }: ExportedContainer): Plan {
    if (!isSampled) return NOTHING;
    let plan = this.plans.get(layout);
    if (plan === undefined) {
      const planned = planLayout(layout, cadvisorNaming, this.families, this.hidden);
      plan = { series: planned.map(withTail), oomColumn: layout.indexOf(OOM_FIELD) };
      this.plans.set(layout, plan);
    }
    return plan;
  }

  /** OpenMetrics has seconds, the older format milliseconds. @param time µs; NaN: the lines have none */
  private setStamp(time: number, format: Format): void {
    const { stamp } = this;
    stamp.length = 0;
    if (this.timestamps && !Number.isNaN(time)) {
      stamp.buffer[stamp.length++] = SPACE;
      const millis = Math.floor(time / 1000);
      if (format === 'text') stamp.integer(millis);
      else writeQuotient(stamp, millis, 0, 1000);
    }
    stamp.buffer[stamp.length++] = NEWLINE;
  }

  private appendStamp(out: ByteWriter): void {
    const { buffer, length } = this.stamp;
    const to = out.buffer;
    const start = out.length;
    for (let i = 0; i < length; i++) to[start + i] = buffer[i]!;
    out.length = start + length;
  }
}

function withTail(series: PlannedSeries<Family>): SeriesText {
  const { family, column, minus, labels, divisor, only } = series;
  const tail = Buffer.from(labels.length === 0 ? '} ' : `,${labelPairs(labels)}} `);
  return { family, column, minus, labels, divisor, only, tail };
}
