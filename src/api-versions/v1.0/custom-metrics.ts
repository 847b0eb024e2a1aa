import { type ByteWriter, quoteJson } from '../../kernel/contracts/bytes/index.js';
import type {
  AppMetricsSnapshot,
  AppSeries,
  ContainerAppMetrics,
  ContainerView,
} from '../../kernel/contracts/index.js';
import { compareBytes, remembering, sortedMap } from './json.js';

/** The part of a series' JSON that does not depend on its values. */
interface SeriesText {
  /** `"name":` */
  readonly name: Buffer;
  /** A value in a sample, up to its time. */
  readonly inSample: Buffer;
  /** A value in the list of a series, up to its time. */
  readonly inSeries: Buffer;
  readonly isInt: boolean;
}

/** `,"has_custom_metrics":…` and, when there are any, the metrics of the spec. */
export function writeCustomMetricsSpec(out: ByteWriter, { appMetrics }: ContainerView): void {
  const specs = appMetrics?.specs ?? [];
  out.ascii(`,"has_custom_metrics":${specs.length > 0}`);
  for (const [index, { name, type, format, units }] of specs.entries()) {
    out.ascii(index === 0 ? ',"custom_metrics":[' : ',');
    out.json({ name, type, format, units });
  }
  if (specs.length > 0) out.ascii(']');
}

/** Prints the values of application metrics. NaN and infinities are omitted. */
export class CustomMetricsWriter {
  private readonly textsOf = remembering((series: readonly AppSeries[]) => series.map(textOf));

  /** `,"custom_metrics":{…}` with the values at a time; nothing when there are none. */
  writeAt(out: ByteWriter, metrics: ContainerAppMetrics | undefined, time: number): void {
    const snapshots = metrics?.at(time).filter(({ series }) => series.length > 0) ?? [];
    if (snapshots.length === 0) return;
    const next = snapshots.map(() => 0);
    out.ascii(',"custom_metrics":{');
    for (let name = firstName(snapshots, next), count = 0; name !== undefined; name = firstName(snapshots, next)) {
      if (count++ > 0) out.ascii(',');
      this.writeMetric(out, snapshots, next, name);
    }
    out.ascii('}');
  }

  /**
   * `{metric:{label:[value,…]}}` with all stored values.
   * @param count the newest values of each series; −1: all
   */
  writeHistory(out: ByteWriter, metrics: ContainerAppMetrics | undefined, count: number): void {
    const byName = groupHistory(metrics?.history() ?? []);
    out.ascii('{');
    for (const [index, name] of [...byName.keys()].sort(compareBytes).entries()) {
      const byLabel = byName.get(name)!;
      out.text(`${index === 0 ? '' : ','}${quoteJson(name)}:{`);
      for (const [place, label] of [...byLabel.keys()].sort(compareBytes).entries()) {
        const points = byLabel.get(label)!;
        out.text(`${place === 0 ? '' : ','}${quoteJson(label)}:[`);
        for (const [at, { snapshot, column }] of newest(points, count).entries()) {
          if (at > 0) out.ascii(',');
          const text = this.textsOf(snapshot.series)[column]!;
          out.bytes(text.inSeries);
          writeValue(out, snapshot, column, text);
        }
        out.ascii(']');
      }
      out.ascii('}');
    }
    out.ascii('}');
  }

  /** `"name":[value,…]`; advances `next` past the metric in each snapshot. */
  private writeMetric(out: ByteWriter, snapshots: readonly AppMetricsSnapshot[], next: number[], name: string): void {
    let written = 0;
    for (const [index, snapshot] of snapshots.entries()) {
      const { series } = snapshot;
      const texts = this.textsOf(series);
      for (let column = next[index]!; series[column]?.name === name; next[index] = ++column) {
        const text = texts[column]!;
        if (written++ > 0) out.ascii(',');
        else {
          out.bytes(text.name);
          out.ascii('[');
        }
        out.bytes(text.inSample);
        writeValue(out, snapshot, column, text);
      }
    }
    out.ascii(']');
  }
}

/** The first of the next names, in byte order. */
function firstName(snapshots: readonly AppMetricsSnapshot[], next: readonly number[]): string | undefined {
  let first: string | undefined;
  for (const [index, { series }] of snapshots.entries()) {
    const name = series[next[index]!]?.name;
    if (name !== undefined && (first === undefined || compareBytes(name, first) < 0)) first = name;
  }
  return first;
}

function textOf({ name, label, labels, format }: AppSeries): SeriesText {
  const map = Object.keys(labels).length === 0 ? '' : `"labels":${sortedMap(labels)},`;
  return {
    name: Buffer.from(`${quoteJson(name)}:`),
    inSample: Buffer.from(`{${label === '' ? '' : `"label":${quoteJson(label)},`}${map}"timestamp":`),
    inSeries: Buffer.from(`{${map}"timestamp":`),
    isInt: format === 'int',
  };
}

/** The time and the value, with the closing `}`. */
function writeValue(out: ByteWriter, snapshot: AppMetricsSnapshot, column: number, { isInt }: SeriesText): void {
  const { times, values, residuals, time } = snapshot;
  const own = times?.[column] ?? Number.NaN;
  const value = values[column]!;
  out.time(Number.isNaN(own) ? time : own);
  if (isInt) {
    out.ascii(',"int_value":');
    out.integer(value, residuals?.[column] ?? 0);
  } else if (Number.isFinite(value)) {
    out.ascii(',"float_value":');
    out.float(value);
  }
  out.ascii('}');
}

interface Point {
  readonly snapshot: AppMetricsSnapshot;
  readonly column: number;
}

function groupHistory(histories: readonly (readonly AppMetricsSnapshot[])[]): Map<string, Map<string, Point[]>> {
  const byName = new Map<string, Map<string, Point[]>>();
  for (const snapshot of histories.flat()) {
    for (const [column, { name, label }] of snapshot.series.entries()) {
      const byLabel = byName.get(name) ?? new Map<string, Point[]>();
      const points = byLabel.get(label) ?? [];
      points.push({ snapshot, column });
      byName.set(name, byLabel.set(label, points));
    }
  }
  return byName;
}

/** Oldest first. Points are sorted, because two targets may have the same series. */
function newest(points: Point[], count: number): readonly Point[] {
  points.sort((a, b) => a.snapshot.time - b.snapshot.time);
  return count < 0 ? points : points.slice(Math.max(0, points.length - count));
}
