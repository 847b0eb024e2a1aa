import type { ByteWriter } from '../../../kernel/contracts/bytes/index.js';
import {
  type AppMetricSpec,
  type AppMetricsSnapshot,
  type AppSeries,
  appLabels,
  appMetricName,
  appSpecOf,
  type Logger,
} from '../../../kernel/contracts/index.js';
import { type AppName, AppNames } from './app-names.js';
import type { ExportedContainer } from './exported-container.js';
import type { ExpositionBuffer } from './exposition-buffer.js';
import type { FamilyTable, Format, MetricType } from './families.js';
import type { PrometheusOptions } from './options.js';
import { floatText, labelPair, writeQuotient } from './text.js';

interface PreparedSeries {
  readonly name: AppName;
  /** The labels after the container's, and `} `. */
  readonly tail: Buffer;
  /** Unique among the series of the container. */
  readonly key: string;
  readonly column: number;
}

interface Prepared {
  readonly series: readonly PreparedSeries[];
  /** Series that exceed `maxAppNames`. */
  readonly missing: number;
  /** The version of `AppNames` when it was prepared. */
  readonly version: number;
}

/** Writes application metrics as gauges or counters, with labels prefixed with `app_`, as the newest cAdvisor does. */
export class AppMetricsWriter {
  private readonly prepared = new WeakMap<readonly AppSeries[], Prepared>();
  private readonly names: AppNames;
  private refused = 0;

  constructor(
    families: FamilyTable,
    private readonly options: PrometheusOptions,
    private readonly logger: Pick<Logger, 'warn'>,
  ) {
    this.names = new AppNames(families, options.maxAppNames);
  }

  /** Called at the beginning of each scrape. */
  begin(): void {
    this.names.begin();
  }

  /** Reads the container's current metrics. @param now µs @returns the maximum number of its series */
  take(exported: ExportedContainer, now: number): number {
    exported.appMetrics = exported.view?.appMetrics;
    if (exported.appMetrics === undefined) return 0;
    exported.appSnapshots = exported.appMetrics.at(now);
    return exported.appSnapshots.reduce((sum, { series }) => sum + series.length, 0);
  }

  /** Writes what `take` read in the same turn. @returns the number of series */
  write(buffer: ExpositionBuffer, exported: ExportedContainer, labels: Buffer): number {
    const { appMetrics, appSnapshots: snapshots, name: container } = exported;
    if (appMetrics === undefined) return 0;
    const seen = snapshots.length > 1 ? new Set<string>() : undefined;
    let written = 0;
    for (const snapshot of snapshots) {
      for (const series of this.prepare(snapshot.series, exported)) {
        const { family, isValid } = series.name;
        if (!isValid || seen?.has(series.key) === true) continue;
        seen?.add(series.key);
        this.names.use(series.name, container);
        const out = buffer.writer(family);
        out.bytes(family.prefix);
        out.bytes(labels);
        out.bytes(series.tail);
        this.writeValue(out, snapshot, series.column, buffer.format);
        written++;
      }
    }
    return written;
  }

  /** Writes the state of targets and the number of omitted series. */
  writeSelf(buffer: ExpositionBuffer, exportedContainers: readonly ExportedContainer[]): void {
    const refused =
      'Series of applications that are not in these metrics: their names are the agent’s own, or there are too many names.';
    buffer.plain('tallyman_app_series_refused_total', 'counter', refused, this.refused);
    for (const { name: id, appMetrics } of exportedContainers) {
      for (const { plugin, name: target, ...status } of appMetrics?.targets ?? []) {
        const put = (name: string, type: MetricType, help: string, value: number): void =>
          buffer.plain(`tallyman_app_target_${name}`, type, help, value, { id, plugin, target });
        const { up, collections, failures, dropped, duration } = status;
        put(
          'up',
          'gauge',
          'Whether the last collection from a target of application metrics gave its metrics.',
          Number(up),
        );
        put('collections_total', 'counter', 'Collections from the target, failed ones included.', collections);
        put('failures_total', 'counter', 'Collections from the target that gave nothing.', failures);
        put(
          'dropped',
          'gauge',
          'Samples of the last collection that were left out because of appMetrics.maxMetrics and maxSeries.',
          dropped,
        );
        put('duration_seconds', 'gauge', 'Duration of the last collection.', duration / 1000);
      }
    }
  }

  private writeValue(out: ByteWriter, snapshot: AppMetricsSnapshot, column: number, format: Format): void {
    const { series, values, residuals, times, time } = snapshot;
    const value = values[column]!;
    if (series[column]!.format === 'int') out.integer(value, residuals?.[column] ?? 0);
    else out.ascii(floatText(value));
    if (this.options.timestamps) {
      const own = times?.[column] ?? Number.NaN;
      const millis = Math.floor((Number.isNaN(own) ? time : own) / 1000);
      out.ascii(' ');
      writeQuotient(out, millis, 0, format === 'text' ? 1 : 1000);
    }
    out.ascii('\n');
  }

  /** Prepares series again when names that they lack have become free. */
  private prepare(series: readonly AppSeries[], exported: ExportedContainer): readonly PreparedSeries[] {
    const known = this.prepared.get(series);
    if (
      known?.version === this.names.version ||
      (known?.missing === 0 && known.series.every(({ name }) => name.isValid))
    ) {
      return known.series;
    }
    const keys = new Set<string>();
    const specs = new Map(exported.appMetrics?.specs.map((spec) => [spec.name, spec]));
    const prepared: PreparedSeries[] = [];
    let missing = 0;
    for (const [column, one] of series.entries()) {
      const made = this.prepareOne(one, column, exported.name, specs);
      if (made === undefined) missing++;
      else if (made !== null && !keys.has(made.key)) {
        keys.add(made.key);
        prepared.push(made);
      }
    }
    if (known === undefined) this.refused += series.length - prepared.length;
    if (missing > 0) this.warnOfNames(exported, missing);
    this.prepared.set(series, { series: prepared, missing, version: this.names.version });
    return prepared;
  }

  private warnOfNames(exported: ExportedContainer, missing: number): void {
    if (exported.warnedOfNames) return;
    exported.warnedOfNames = true;
    const { path, maxAppNames } = this.options;
    this.logger.warn(
      `${exported.name} has more names of application metrics than there is room for in ${path} (maxAppNames: ${maxAppNames}, shared fairly among containers): series left out: ${missing}`,
      { container: exported.name, missing },
    );
  }

  /** @returns undefined when it exceeds `maxAppNames`, null when it is excluded */
  private prepareOne(
    series: AppSeries,
    column: number,
    container: string,
    specs: ReadonlyMap<string, AppMetricSpec>,
  ): PreparedSeries | undefined | null {
    const plain = appMetricName(series.name);
    if (plain === undefined) return null;
    const taken = this.names.take(plain, container, appSpecOf(series, specs));
    if (taken === undefined || taken === null) return taken;
    const text = appLabels(series)
      .map(([label, value]) => `,${labelPair(label, value)}`)
      .join('');
    return { name: taken, tail: Buffer.from(`${text}} `), key: `${plain}{${text}`, column };
  }
}
