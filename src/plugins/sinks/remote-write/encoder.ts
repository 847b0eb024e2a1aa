import type { ByteWriter } from '../../../kernel/contracts/bytes/index.js';
import type {
  ContainerView,
  ExportContainer,
  ExportSample,
  FactSeries,
  Label,
  PlannedSeries,
} from '../../../kernel/contracts/index.js';

/** Tags of `WriteRequest.timeseries`, `TimeSeries.labels` and `.samples`, `Sample.value` and `.timestamp`. */
const TIME_SERIES = 0x0a;
const LABELS = 0x0a;
const SAMPLES = 0x12;
const VALUE = 0x09;
const TIMESTAMP = 0x10;
/** Bytes of a value with its tag. */
const VALUE_BYTES = 9;
/** Bytes of the tag and the length of a series, and more than those of its sample. */
const ROOM = 64;
/** Below this, copying byte by byte beats the call into native code. */
const SHORT = 24;
/** The NaN by which Prometheus knows that a series has ended (`StaleNaN`), the low bytes first. */
const STALE = Buffer.from([0x02, 0, 0, 0, 0, 0, 0xf0, 0x7f]);

/** Names of labels in order, with what was planned for containers that have exactly these. */
interface Shape {
  readonly names: readonly string[];
  readonly plans: WeakMap<readonly PlannedSeries[], readonly SeriesText[]>;
}

/** A part of a series' labels: bytes of its own, or labels `from … to − 1` of its container. */
type Part = Buffer | { readonly from: number; readonly to: number };

/** The labels of a series, in order, without what is the container's. */
interface SeriesText {
  readonly key: string;
  readonly parts: readonly Part[];
}

/** What was sent of a container, so that its end can be told. */
interface Sent {
  labels: readonly Label[];
  shape: Shape;
  /** The container's labels, encoded, and where each begins; one more for the end. */
  bytes: Buffer;
  offsets: Int32Array;
  series: readonly PlannedSeries[];
  texts: readonly SeriesText[];
  /** 1: the series had a value in the newest sample. */
  present: Uint8Array;
  facts: readonly FactSeries[];
  factTexts: readonly SeriesText[];
}

/** Encodes samples as the time series of a `WriteRequest` (remote write 1.0). */
export class WriteRequestEncoder {
  private readonly shapes = new Map<string, WeakRef<Shape>>();
  private readonly sent = new WeakMap<ContainerView, Sent>();
  /** The sample's tag, length and time, as they follow the value: the same for all series of a sample. */
  private readonly stamp = Buffer.alloc(16);
  private stampLength = 0;

  /** @returns data points added, stale markers included */
  add(sample: ExportSample, out: ByteWriter): number {
    const { container, series, facts } = sample;
    let points = 0;
    this.setStamp(sample.time);
    const known = this.sent.get(container.view);
    let sent = known;
    if (sent === undefined || sent.labels !== container.labels) {
      if (sent !== undefined) points += this.endAll(sent, out);
      sent = this.begin(container);
      this.sent.set(container.view, sent);
    }
    if (sent.series !== series) points += this.changeSeries(sent, series, out);
    if (sent.facts !== facts) points += this.changeFacts(sent, facts, out);
    const { present, texts } = sent;
    for (let i = 0; i < series.length; i++) {
      const value = sample.value(i);
      const isAbsent = Number.isNaN(value);
      if (isAbsent && present[i] === 0) continue;
      present[i] = isAbsent ? 0 : 1;
      this.write(sent, texts[i]!, isAbsent ? undefined : value, out);
      points++;
    }
    for (let i = 0; i < facts.length; i++) {
      this.write(sent, sent.factTexts[i]!, Number(facts[i]!.value), out);
    }
    return points + facts.length;
  }

  /** Marks all series of a container as stale. @returns data points added */
  end({ view }: ExportContainer, time: number, out: ByteWriter): number {
    const sent = this.sent.get(view);
    if (sent === undefined) return 0;
    this.sent.delete(view);
    this.setStamp(time);
    return this.endAll(sent, out);
  }

  private begin({ labels }: ExportContainer): Sent {
    const offsets = new Int32Array(labels.length + 1);
    const pieces = labels.map(([name, value], i) => {
      const bytes = encodeLabel(name, value);
      offsets[i + 1] = offsets[i]! + bytes.length;
      return bytes;
    });
    const shape = this.shapeOf(labels.map(([name]) => name));
    const nothing = { series: [], texts: [], present: new Uint8Array(), facts: [], factTexts: [] };
    return { labels, shape, bytes: Buffer.concat(pieces), offsets, ...nothing };
  }

  private shapeOf(names: readonly string[]): Shape {
    const key = names.join();
    let shape = this.shapes.get(key)?.deref();
    if (shape === undefined) {
      // Shapes that nothing has any more are only looked for when there are many.
      if (this.shapes.size > 1_000) {
        for (const [other, ref] of this.shapes) if (ref.deref() === undefined) this.shapes.delete(other);
      }
      shape = { names, plans: new WeakMap() };
      this.shapes.set(key, new WeakRef(shape));
    }
    return shape;
  }

  /** The columns are other ones: series that are not among them have ended. */
  private changeSeries(sent: Sent, series: readonly PlannedSeries[], out: ByteWriter): number {
    let texts = sent.shape.plans.get(series);
    if (texts === undefined) {
      texts = series.map(({ family, labels }) => textOf(sent.shape.names, family.name, labels));
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
        this.write(sent, text, undefined, out);
        points++;
      }
    }
    Object.assign(sent, { series, texts, present });
    return points;
  }

  private changeFacts(sent: Sent, facts: readonly FactSeries[], out: ByteWriter): number {
    const factTexts = facts.map(({ family, label }) =>
      textOf(sent.shape.names, family.name, label === undefined ? [] : [label]),
    );
    const keys = new Set(factTexts.map(({ key }) => key));
    const gone = sent.factTexts.filter(({ key }) => !keys.has(key));
    for (const text of gone) this.write(sent, text, undefined, out);
    Object.assign(sent, { facts, factTexts });
    return gone.length;
  }

  private endAll(sent: Sent, out: ByteWriter): number {
    let points = 0;
    for (const [i, text] of sent.texts.entries()) {
      if (sent.present[i] === 0) continue;
      this.write(sent, text, undefined, out);
      points++;
    }
    for (const text of sent.factTexts) this.write(sent, text, undefined, out);
    return points + sent.factTexts.length;
  }

  /** @param micros of the samples that follow */
  private setStamp(micros: number): void {
    const { stamp } = this;
    let length = 0;
    stamp[length++] = TIMESTAMP;
    let rest = Math.floor(micros / 1000);
    while (rest > 0x7f) {
      stamp[length++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    stamp[length++] = rest;
    this.stampLength = length;
  }

  /** Writes a series with one sample. @param value undefined: it has ended */
  private write({ bytes, offsets }: Sent, { parts }: SeriesText, value: number | undefined, out: ByteWriter): void {
    let labelBytes = 0;
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i]!;
      labelBytes += 'from' in part ? offsets[part.to]! - offsets[part.from]! : part.length;
    }
    const sampleBytes = VALUE_BYTES + this.stampLength;
    out.reserve(labelBytes + ROOM);
    const { buffer } = out;
    let at = out.length;
    buffer[at++] = TIME_SERIES;
    let length = labelBytes + sampleBytes + 2;
    while (length > 0x7f) {
      buffer[at++] = (length & 0x7f) | 0x80;
      length >>>= 7;
    }
    buffer[at++] = length;
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i]!;
      if ('from' in part) at = copy(bytes, offsets[part.from]!, offsets[part.to]!, buffer, at);
      else at = copy(part, 0, part.length, buffer, at);
    }
    buffer[at++] = SAMPLES;
    buffer[at++] = sampleBytes;
    buffer[at++] = VALUE;
    if (value === undefined) at = copy(STALE, 0, STALE.length, buffer, at);
    else at = buffer.writeDoubleLE(value, at);
    out.length = copy(this.stamp, 0, this.stampLength, buffer, at);
  }
}

function copy(source: Buffer, from: number, to: number, target: Buffer, at: number): number {
  if (to - from < SHORT) for (let i = from; i < to; i++) target[at++] = source[i]!;
  else at += source.copy(target, at, from, to);
  return at;
}

/**
 * Sorts the labels of a series in among those of its container, as receivers ask for. Of two labels with the same name
 * the series' own wins.
 */
function textOf(names: readonly string[], metric: string, labels: readonly Label[]): SeriesText {
  const own = [['__name__', metric] as const, ...labels.filter(([, value]) => value !== '')];
  const sorted = own.toSorted(([a], [b]) => (a < b ? -1 : 1));
  const parts: Part[] = [];
  let next = 0;
  for (const [name, value] of sorted) {
    let until = next;
    while (until < names.length && names[until]! < name) until++;
    if (until > next) parts.push({ from: next, to: until });
    parts.push(encodeLabel(name, value));
    next = names[until] === name ? until + 1 : until;
  }
  if (next < names.length) parts.push({ from: next, to: names.length });
  return { key: JSON.stringify(sorted), parts };
}

/** A label with its tag and length. */
function encodeLabel(name: string, value: string): Buffer {
  const label = Buffer.concat([encodeText(0x0a, name), encodeText(0x12, value.toWellFormed())]);
  return Buffer.concat([Buffer.from([LABELS, ...varint(label.length)]), label]);
}

function encodeText(tag: number, text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([tag, ...varint(bytes.length)]), bytes]);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (; value > 0x7f; value >>>= 7) bytes.push((value & 0x7f) | 0x80);
  return [...bytes, value];
}
