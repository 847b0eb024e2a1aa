import type { AppMetricsSnapshot, AppSeries, ByteWriter } from '../../../kernel/contracts/index.js';
import type { Family, FamilyTable, Format } from './families.js';
import type { Sheet } from './sheet.js';
import type { Subject } from './subject.js';
import { floatText, labelPair, sanitizeName, writeQuotient } from './text.js';

/** Names that an application must not use: its series could be taken for the agent's, or be the same. */
const RESERVED = /^(container|machine|cadvisor|tallyman)_/;
/** Families are kept for ever, and containers may make up names. */
const MAX_FAMILIES = 1000;
const HELP = 'Metric of an application in a container.';

interface PreparedSeries {
  readonly family: Family;
  /** The labels behind the container's, and `} `. */
  readonly tail: Buffer;
  /** What no other series of the container may have. */
  readonly key: string;
  readonly column: number;
}

/** Writes application metrics as gauges, their labels with `app_` in front, as the newest cAdvisor does. */
export class AppMetricsWriter {
  private readonly prepared = new WeakMap<readonly AppSeries[], readonly PreparedSeries[]>();
  private readonly names = new Set<string>();
  private refused = 0;

  constructor(
    private readonly families: FamilyTable,
    private readonly timestamps: boolean,
  ) {}

  /** Takes the subject's metrics as they are now. @param now µs @returns the most series that it may have */
  take(subject: Subject, now: number): number {
    subject.appMetrics = subject.view?.appMetrics;
    if (subject.appMetrics === undefined) return 0;
    subject.appSnapshots = subject.appMetrics.at(now);
    return subject.appSnapshots.reduce((sum, { series }) => sum + series.length, 0);
  }

  /** Writes what was taken in the same turn. @returns how many series */
  write(sheet: Sheet, { appMetrics, appSnapshots: snapshots }: Subject, labels: Buffer): number {
    if (appMetrics === undefined) return 0;
    const seen = snapshots.length > 1 ? new Set<string>() : undefined;
    let written = 0;
    for (const snapshot of snapshots) {
      for (const series of this.prepare(snapshot.series)) {
        if (seen?.has(series.key) === true) continue;
        seen?.add(series.key);
        const out = sheet.writer(series.family);
        out.bytes(series.family.prefix);
        out.bytes(labels);
        out.bytes(series.tail);
        this.writeValue(out, snapshot, series.column, sheet.format);
        written++;
      }
    }
    return written;
  }

  /** How collecting goes, and what is not shown. */
  writeSelf(sheet: Sheet, subjects: readonly Subject[]): void {
    const refused =
      'Series of applications that are not in these metrics: their names are the agent’s own, or there are too many names.';
    sheet.plain('tallyman_app_series_refused_total', 'counter', refused, this.refused);
    for (const { name: id, appMetrics } of subjects) {
      for (const { plugin, name: target, ...status } of appMetrics?.targets ?? []) {
        const labels = { id, plugin, target };
        const up = 'Whether the last collection from a target of application metrics gave its metrics.';
        sheet.plain('tallyman_app_target_up', 'gauge', up, status.up ? 1 : 0, labels);
        const collections = 'Collections from the target, failed ones included.';
        sheet.plain('tallyman_app_target_collections_total', 'counter', collections, status.collections, labels);
        const failures = 'Collections from the target that gave nothing.';
        sheet.plain('tallyman_app_target_failures_total', 'counter', failures, status.failures, labels);
        const dropped =
          'Samples of the last collection that were left out because of appMetrics.maxMetrics and maxSeries.';
        sheet.plain('tallyman_app_target_dropped', 'gauge', dropped, status.dropped, labels);
        const duration = 'Duration of the last collection.';
        sheet.plain('tallyman_app_target_duration_seconds', 'gauge', duration, status.duration / 1000, labels);
      }
    }
  }

  private writeValue(out: ByteWriter, snapshot: AppMetricsSnapshot, column: number, format: Format): void {
    const { series, values, residuals, times, time } = snapshot;
    const value = values[column]!;
    if (series[column]!.format === 'int') out.integer(value, residuals?.[column] ?? 0);
    else out.ascii(floatText(value));
    if (this.timestamps) {
      const own = times?.[column] ?? Number.NaN;
      const millis = Math.floor((Number.isNaN(own) ? time : own) / 1000);
      out.ascii(' ');
      writeQuotient(out, millis, 0, format === 'text' ? 1 : 1000);
    }
    out.ascii('\n');
  }

  private prepare(series: readonly AppSeries[]): readonly PreparedSeries[] {
    let prepared = this.prepared.get(series);
    if (prepared === undefined) {
      const keys = new Set<string>();
      prepared = series.flatMap((one, column): PreparedSeries[] => {
        const made = this.prepareOne(one, column);
        if (made === undefined || keys.has(made.key)) {
          this.refused++;
          return [];
        }
        keys.add(made.key);
        return [made];
      });
      this.prepared.set(series, prepared);
    }
    return prepared;
  }

  private prepareOne({ name, labels }: AppSeries, column: number): PreparedSeries | undefined {
    const plain = plainName(name);
    if (RESERVED.test(plain)) return undefined;
    if (!this.names.has(plain) && this.names.size >= MAX_FAMILIES) return undefined;
    this.names.add(plain);
    // The agent has metrics of its own process by these names: whoever comes first decides the type.
    const type = /^process_.*_total$/.test(plain) ? 'counter' : 'gauge';
    const family = this.families.take(plain, type, HELP);
    if (family === undefined) return undefined;
    const pairs = new Map<string, string>();
    for (const key of Object.keys(labels).sort()) {
      const label = `app_${sanitizeName(key)}`;
      if (!pairs.has(label)) pairs.set(label, labels[key]!);
    }
    const text = [...pairs].map(([label, value]) => `,${labelPair(label, value)}`).join('');
    return { family, tail: Buffer.from(`${text}} `), key: `${plain}{${text}`, column };
  }
}

/** Metric names may have colons, and no digit in front. */
function plainName(name: string): string {
  const words = name.split(':').map(sanitizeName).join(':');
  return /^[0-9]|^$/.test(words) ? `_${words}` : words;
}
