import type { ByteWriter } from '../../../kernel/contracts/bytes/index.js';
import type {
  ExportContainer,
  ExportSample,
  FactSeries,
  Label,
  MetricFamily,
  PlannedSeries,
} from '../../../kernel/contracts/index.js';
import { varint } from '../common/index.js';

/** The NaN by which Prometheus knows that a series has ended (`StaleNaN`), the low bytes first. */
export const STALE_NAN = Buffer.from([0x02, 0, 0, 0, 0, 0, 0xf0, 0x7f]);

/** Names of labels in order, with the plans of containers that have exactly these labels. */
interface Shape<P extends object> {
  readonly names: readonly string[];
  readonly plans: WeakMap<readonly PlannedSeries[], readonly SeriesText<P>[]>;
}

/** The labels `from … to − 1` of the container. */
interface LabelRange {
  readonly from: number;
  readonly to: number;
}

/** The labels of a series, in order: labels of its own, and those of its container. */
export interface SeriesText<P extends object> {
  readonly key: string;
  readonly family: MetricFamily;
  readonly parts: readonly (P | LabelRange)[];
}

export const isRange = (part: object): part is LabelRange => 'from' in part;

/** What was sent of a container, so that its end can be sent. */
interface Sent<C, P extends object> {
  readonly labels: readonly Label[];
  readonly shape: Shape<P>;
  readonly encoded: C;
  series: readonly PlannedSeries[];
  texts: readonly SeriesText<P>[];
  /** 1: the series had a value in the newest sample. */
  present: Uint8Array;
  facts: readonly FactSeries[];
  factTexts: readonly SeriesText<P>[];
}

/** What `SeriesEncoder.state` returns, as JSON. */
interface State {
  /** Labels, and place in `series`. */
  readonly containers: readonly (readonly [labels: readonly Label[], series: number])[];
  /** Labels of series besides those of the container, with the name. */
  readonly series: readonly (readonly (readonly Label[])[])[];
}

/**
 * Encodes samples as time series, and a stale marker for each series that ends.
 * @typeParam C the encoded labels of a container
 * @typeParam P an encoded label of a series
 */
export abstract class SeriesEncoder<C, P extends object> {
  private readonly shapes = new Map<string, WeakRef<Shape<P>>>();
  private readonly sent = new WeakMap<ExportContainer, Sent<C, P>>();

  /** @param container absent when it has ended before the agent started */
  protected abstract encodeContainer(labels: readonly Label[], container?: ExportContainer): C;
  protected abstract encodeLabel(label: Label): P;
  /** Sets the time of the samples that are written next. */
  protected abstract setTime(timeUs: number): void;
  /** Writes a series with one sample. @param value undefined: it has ended */
  protected abstract write(container: C, text: SeriesText<P>, value: number | undefined, out: ByteWriter): void;

  /** Begins a body. */
  begin(): void {}

  /** Writes what a body ends with. */
  finish(_out: ByteWriter): void {}

  /** @returns data points added, stale markers included */
  add(sample: ExportSample, out: ByteWriter): number {
    const { container, series, facts } = sample;
    let points = 0;
    this.setTime(sample.time);
    const known = this.sent.get(container);
    let sent = known;
    if (sent === undefined || sent.labels !== container.labels) {
      if (sent !== undefined) points += this.endAll(sent, out);
      sent = this.track(container);
      this.sent.set(container, sent);
    }
    if (sent.series !== series) points += this.changeSeries(sent, series, out);
    if (sent.facts !== facts) points += this.changeFacts(sent, facts, out);
    const { present, texts } = sent;
    for (let i = 0; i < series.length; i++) {
      const value = sample.value(i);
      const isAbsent = Number.isNaN(value);
      if (isAbsent && present[i] === 0) continue;
      present[i] = isAbsent ? 0 : 1;
      this.write(sent.encoded, texts[i]!, isAbsent ? undefined : value, out);
      points++;
    }
    for (let i = 0; i < facts.length; i++) {
      this.write(sent.encoded, sent.factTexts[i]!, Number(facts[i]!.value), out);
    }
    return points + facts.length;
  }

  /** Marks all series of a container as stale. @returns data points added */
  end(container: ExportContainer, time: number, out: ByteWriter): number {
    const sent = this.sent.get(container);
    if (sent === undefined) return 0;
    this.sent.delete(container);
    this.setTime(time);
    return this.endAll(sent, out);
  }

  /** The series that were sent of these containers, for `endMissing`. */
  state(containers: readonly ExportContainer[]): string {
    const indexes = new Map<string, number>();
    const kept: State['containers'][number][] = [];
    for (const container of containers) {
      const sent = this.sent.get(container);
      if (sent === undefined) continue;
      const keys = `[${livingTexts(sent)
        .map(({ key }) => key)
        .join()}]`;
      if (!indexes.has(keys)) indexes.set(keys, indexes.size);
      kept.push([sent.labels, indexes.get(keys)!]);
    }
    return `{"containers":${JSON.stringify(kept)},"series":[${[...indexes.keys()].join()}]}`;
  }

  /** Marks the series of containers that are no longer there as stale. @returns data points added */
  endMissing(state: string, isThere: (labels: readonly Label[]) => boolean, time: number, out: ByteWriter): number {
    const { containers, series } = JSON.parse(state) as State;
    let points = 0;
    this.setTime(time);
    for (const [labels, index] of containers) {
      if (isThere(labels)) continue;
      const names = labels.map(([name]) => name);
      const encoded = this.encodeContainer(labels);
      for (const own of series[index] ?? []) {
        const [, name] = own.find(([label]) => label === '__name__')!;
        const family = { name, type: name.endsWith('_total') ? 'counter' : 'gauge', help: '', index: -1 } as const;
        const more = own.filter(([label]) => label !== '__name__');
        this.write(encoded, this.textOf(names, family, more), undefined, out);
        points++;
      }
    }
    return points;
  }

  private track(container: ExportContainer): Sent<C, P> {
    const { labels } = container;
    const shape = this.shapeOf(labels.map(([name]) => name));
    const encoded = this.encodeContainer(labels, container);
    const nothing = { series: [], texts: [], present: new Uint8Array(), facts: [], factTexts: [] };
    return { labels, shape, encoded, ...nothing };
  }

  private shapeOf(names: readonly string[]): Shape<P> {
    const key = names.join();
    let shape = this.shapes.get(key)?.deref();
    if (shape === undefined) {
      // Unused shapes are only removed when there are many.
      if (this.shapes.size > 1_000) {
        for (const [other, ref] of this.shapes) if (ref.deref() === undefined) this.shapes.delete(other);
      }
      shape = { names, plans: new WeakMap() };
      this.shapes.set(key, new WeakRef(shape));
    }
    return shape;
  }

  /** Changes to other columns. Series that are not among them have ended. */
  private changeSeries(sent: Sent<C, P>, series: readonly PlannedSeries[], out: ByteWriter): number {
    let texts = sent.shape.plans.get(series);
    if (texts === undefined) {
      texts = series.map(({ family, labels }) => this.textOf(sent.shape.names, family, labels));
      sent.shape.plans.set(series, texts);
    }
    const present = new Uint8Array(series.length);
    const places = new Map(texts.map(({ key }, i) => [key, i]));
    let points = 0;
    for (const [i, text] of sent.texts.entries()) {
      if (sent.present[i] === 0) continue;
      const place = places.get(text.key);
      if (place !== undefined) present[place] = 1;
      else {
        this.write(sent.encoded, text, undefined, out);
        points++;
      }
    }
    Object.assign(sent, { series, texts, present });
    return points;
  }

  private changeFacts(sent: Sent<C, P>, facts: readonly FactSeries[], out: ByteWriter): number {
    const factTexts = facts.map(({ family, label }) =>
      this.textOf(sent.shape.names, family, label === undefined ? [] : [label]),
    );
    const keys = new Set(factTexts.map(({ key }) => key));
    const gone = sent.factTexts.filter(({ key }) => !keys.has(key));
    for (const text of gone) this.write(sent.encoded, text, undefined, out);
    Object.assign(sent, { facts, factTexts });
    return gone.length;
  }

  private endAll(sent: Sent<C, P>, out: ByteWriter): number {
    const texts = livingTexts(sent);
    for (const text of texts) this.write(sent.encoded, text, undefined, out);
    return texts.length;
  }

  /**
   * Sorts the labels of a series in among those of its container, as receivers ask for. Of two labels with the same name
   * the series' own wins.
   */
  private textOf(names: readonly string[], family: MetricFamily, labels: readonly Label[]): SeriesText<P> {
    const own = [['__name__', family.name] as const, ...labels.filter(([, value]) => value !== '')];
    const sorted = own.toSorted(([a], [b]) => (a < b ? -1 : 1));
    const parts: (P | LabelRange)[] = [];
    let next = 0;
    for (const label of sorted) {
      const [name] = label;
      let until = next;
      while (until < names.length && names[until]! < name) until++;
      if (until > next) parts.push({ from: next, to: until });
      parts.push(this.encodeLabel(label));
      next = names[until] === name ? until + 1 : until;
    }
    if (next < names.length) parts.push({ from: next, to: names.length });
    return { key: JSON.stringify(sorted), family, parts };
  }
}

/** The series that were in the newest sample, and the facts. */
function livingTexts<P extends object>({ texts, present, factTexts }: Sent<unknown, P>): readonly SeriesText<P>[] {
  return [...texts.filter((_, i) => present[i] === 1), ...factTexts];
}

/** A field of milliseconds since the epoch. */
export function timestampBytes(tag: number, timeUs: number): Buffer {
  return Buffer.from([tag, ...varint(Math.floor(timeUs / 1000))]);
}
