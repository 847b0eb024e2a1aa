import type { ByteWriter } from '../../../kernel/contracts/bytes/index.js';
import {
  type AppMetricSpec,
  type AppMetricsSnapshot,
  type AppSeries,
  sanitizeName,
} from '../../../kernel/contracts/index.js';
import { type AppName, AppNames } from './app-names.js';
import type { FamilyTable, Format } from './families.js';
import type { PrometheusOptions } from './options.js';
import type { Sheet } from './sheet.js';
import type { Subject } from './subject.js';
import { floatText, labelPair, writeQuotient } from './text.js';

/** Names that an application must not use: its series could be taken for the agent's, or be the same. */
const RESERVED = /^(container|machine|cadvisor|tallyman)_/;
/** What the series of a histogram or summary have behind its name. */
const PART = /_(bucket|sum|count)$/;

interface PreparedSeries {
  readonly name: AppName;
  /** The labels behind the container's, and `} `. */
  readonly tail: Buffer;
  /** What no other series of the container may have. */
  readonly key: string;
  readonly column: number;
}

interface Prepared {
  readonly series: readonly PreparedSeries[];
  /** Series for whose names there was no room. */
  readonly lacking: number;
  /** Of the names, when it was prepared. */
  readonly version: number;
}

/** Writes application metrics as gauges or, what only grows, counters, their labels with `app_` in front, as the newest cAdvisor does. */
export class AppMetricsWriter {
  private readonly prepared = new WeakMap<readonly AppSeries[], Prepared>();
  private readonly names: AppNames;
  private readonly timestamps: boolean;
  private refused = 0;

  constructor(
    families: FamilyTable,
    private readonly options: PrometheusOptions,
    private readonly warn: (message: string, details: Record<string, unknown>) => void,
  ) {
    this.names = new AppNames(families, options.maxAppNames);
    this.timestamps = options.timestamps;
  }

  /** To be called once before the containers of a scrape are written. */
  begin(): void {
    this.names.begin();
  }

  /** Takes the subject's metrics as they are now. @param now µs @returns the most series that it may have */
  take(subject: Subject, now: number): number {
    subject.appMetrics = subject.view?.appMetrics;
    if (subject.appMetrics === undefined) return 0;
    subject.appSnapshots = subject.appMetrics.at(now);
    return subject.appSnapshots.reduce((sum, { series }) => sum + series.length, 0);
  }

  /** Writes what was taken in the same turn. @returns how many series */
  write(sheet: Sheet, subject: Subject, labels: Buffer): number {
    const { appMetrics, appSnapshots: snapshots, name: container } = subject;
    if (appMetrics === undefined) return 0;
    const seen = snapshots.length > 1 ? new Set<string>() : undefined;
    let written = 0;
    for (const snapshot of snapshots) {
      for (const series of this.prepare(snapshot.series, subject)) {
        const { family, isKept } = series.name;
        if (!isKept || seen?.has(series.key) === true) continue;
        seen?.add(series.key);
        this.names.use(series.name, container);
        const out = sheet.writer(family);
        out.bytes(family.prefix);
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

  /** Series whose names were refused or taken back are tried again when other names have become free. */
  private prepare(series: readonly AppSeries[], subject: Subject): readonly PreparedSeries[] {
    const known = this.prepared.get(series);
    if (
      known?.version === this.names.version ||
      (known?.lacking === 0 && known.series.every(({ name }) => name.isKept))
    ) {
      return known.series;
    }
    const keys = new Set<string>();
    const specs = new Map(subject.appMetrics?.specs.map((spec) => [spec.name, spec]));
    const prepared: PreparedSeries[] = [];
    let lacking = 0;
    for (const [column, one] of series.entries()) {
      const made = this.prepareOne(one, column, subject.name, specs);
      if (made === undefined) lacking++;
      else if (made !== null && !keys.has(made.key)) {
        keys.add(made.key);
        prepared.push(made);
      }
    }
    if (known === undefined) this.refused += series.length - prepared.length;
    if (lacking > 0) this.tell(subject, lacking);
    this.prepared.set(series, { series: prepared, lacking, version: this.names.version });
    return prepared;
  }

  private tell(subject: Subject, lacking: number): void {
    if (subject.namesTold) return;
    subject.namesTold = true;
    const { path, maxAppNames } = this.options;
    this.warn(
      `${subject.name} has more names of application metrics than there is room for in ${path} (maxAppNames: ${maxAppNames}, shared fairly among containers): series left out: ${lacking}`,
      { container: subject.name, lacking },
    );
  }

  /** @returns undefined when there is no room for its name, null when it is not to be shown */
  private prepareOne(
    { name, labels }: AppSeries,
    column: number,
    container: string,
    specs: ReadonlyMap<string, AppMetricSpec>,
  ): PreparedSeries | undefined | null {
    const plain = plainName(name);
    if (RESERVED.test(plain)) return null;
    const taken = this.names.take(plain, container, specs.get(name) ?? helpOf(specs.get(name.replace(PART, ''))));
    if (taken === undefined || taken === null) return taken;
    const pairs = new Map<string, string>();
    for (const key of Object.keys(labels).sort()) {
      const label = `app_${sanitizeName(key)}`;
      if (!pairs.has(label)) pairs.set(label, labels[key]!);
    }
    const text = [...pairs].map(([label, value]) => `,${labelPair(label, value)}`).join('');
    return { name: taken, tail: Buffer.from(`${text}} `), key: `${plain}{${text}`, column };
  }
}

/** Metric names may have colons, and no digit in front. */
function plainName(name: string): string {
  const words = name.split(':').map(sanitizeName).join(':');
  return /^[0-9]|^$/.test(words) ? `_${words}` : words;
}

/** A family's series share its help, and have types of their own. */
function helpOf(family: AppMetricSpec | undefined): Pick<AppMetricSpec, 'help'> {
  return family?.help === undefined ? {} : { help: family.help };
}
