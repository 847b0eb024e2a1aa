import type { ByteWriter } from '../../../kernel/contracts/bytes/index.js';
import { type ExportContainer, type Label, type MetricFamily, startTime } from '../../../kernel/contracts/index.js';
import { FIXED64_FIELD_BYTES, putBytes, putVarint, textField, varintSize } from '../common/index.js';
import { isRange, SeriesEncoder, type SeriesText, STALE_NAN, timestampBytes } from './series-encoder.js';

/** Tags of `Request.symbols` and `.timeseries`. */
const SYMBOLS = 0x22;
const TIME_SERIES = 0x2a;
/** Tags of `TimeSeries.labels_refs`, `.samples` and `.metadata`. */
const LABELS_REFS = 0x0a;
const SAMPLES = 0x12;
const METADATA = 0x2a;
/** Tags of `Sample.value`, `.timestamp` and `.start_timestamp`. */
const VALUE = 0x09;
const TIMESTAMP = 0x10;
const START_TIMESTAMP = 0x18;
/** Tags of `Metadata.type`, `.help_ref` and `.unit_ref`. */
const TYPE = 0x08;
const HELP_REF = 0x18;
const UNIT_REF = 0x20;
/** `Metadata.MetricType` */
const COUNTER = 1;
const GAUGE = 2;

/** More than the bytes of a series besides its references. */
const ROOM = 96;
/** Symbols that are kept before those that are not used any more are looked for. */
const MIN_PURGE = 10_000;

/** A text that series refer to. It has a place in each request that uses it. */
interface RequestSymbol {
  /** With tag and length. */
  readonly bytes: Buffer;
  /** Number of the last request that used it, and its place there. */
  request: number;
  ref: number;
}

type LabelSymbols = readonly [name: RequestSymbol, value: RequestSymbol];

interface Metadata {
  readonly type: typeof COUNTER | typeof GAUGE;
  readonly help: RequestSymbol;
  readonly unit: RequestSymbol;
}

/** The labels of a container, and since when its counters count. */
interface ContainerLabels {
  /** Name, value, name, value … */
  readonly symbols: readonly RequestSymbol[];
  readonly startUs: number;
  /** Tag and value of `start_timestamp`; empty when that is not known. */
  readonly start: Buffer;
}

/**
 * Encodes samples as the time series of an `io.prometheus.write.v2.Request` (remote write 2.0). The table of symbols is
 * written last, as its symbols are known then; the order of fields has no meaning in protobuf.
 */
export class SymbolRequestEncoder extends SeriesEncoder<ContainerLabels, LabelSymbols> {
  private readonly known = new Map<string, RequestSymbol>();
  private readonly metadata = new WeakMap<MetricFamily, Metadata>();
  /** The symbols of the request under construction, in order. */
  private table: RequestSymbol[] = [];
  private request = 0;
  private purgeAt = MIN_PURGE;
  private purgedAt = 0;
  private refs = new Int32Array(64);
  private refCount = 0;
  private refBytes = 0;
  private timeUs = 0;
  private stamp: Buffer = Buffer.alloc(0);
  private readonly none = this.symbolOf('');

  override begin(): void {
    this.request++;
    this.table = [];
    this.refOf(this.none);
    if (this.known.size < this.purgeAt) return;
    for (const [text, { request }] of this.known) if (request < this.purgedAt) this.known.delete(text);
    this.purgedAt = this.request;
    this.purgeAt = Math.max(MIN_PURGE, this.known.size * 2);
  }

  override finish(out: ByteWriter): void {
    for (const { bytes } of this.table) out.bytes(bytes);
  }

  protected override encodeContainer(labels: readonly Label[], container?: ExportContainer): ContainerLabels {
    // Since when others count is not known.
    const startUs = container?.kind === 'container' ? startOf(container) : 0;
    return {
      symbols: labels.flatMap((label) => this.encodeLabel(label)),
      startUs,
      start: startUs > 0 ? timestampBytes(START_TIMESTAMP, startUs) : Buffer.alloc(0),
    };
  }

  protected override encodeLabel([name, value]: Label): LabelSymbols {
    return [this.symbolOf(name), this.symbolOf(value)];
  }

  protected override setTime(timeUs: number): void {
    this.timeUs = timeUs;
    this.stamp = timestampBytes(TIMESTAMP, timeUs);
  }

  protected override write(
    { symbols, startUs, start }: ContainerLabels,
    { parts, family }: SeriesText<LabelSymbols>,
    value: number | undefined,
    out: ByteWriter,
  ): void {
    this.takeRefs(symbols, parts);
    const { type, help, unit } = this.metadataOf(family);
    const [helpRef, unitRef] = [this.refOf(help), this.refOf(unit)];
    const hasStart = type === COUNTER && startUs < this.timeUs;
    const sampleBytes = FIXED64_FIELD_BYTES + this.stamp.length + (hasStart ? start.length : 0);
    const metadataBytes = 2 + (helpRef > 0 ? 1 + varintSize(helpRef) : 0) + (unitRef > 0 ? 1 + varintSize(unitRef) : 0);
    const refsBytes = 1 + varintSize(this.refBytes) + this.refBytes;
    out.reserve(this.refBytes + ROOM);
    const { buffer } = out;
    let at = out.length;
    buffer[at++] = TIME_SERIES;
    at = putVarint(buffer, at, refsBytes + 2 + sampleBytes + 2 + metadataBytes);
    buffer[at++] = LABELS_REFS;
    at = putVarint(buffer, at, this.refBytes);
    for (let i = 0; i < this.refCount; i++) at = putVarint(buffer, at, this.refs[i]!);
    buffer[at++] = SAMPLES;
    buffer[at++] = sampleBytes;
    buffer[at++] = VALUE;
    at = value === undefined ? putBytes(buffer, at, STALE_NAN) : buffer.writeDoubleLE(value, at);
    at = putBytes(buffer, at, this.stamp);
    if (hasStart) at = putBytes(buffer, at, start);
    buffer[at++] = METADATA;
    buffer[at++] = metadataBytes;
    buffer[at++] = TYPE;
    buffer[at++] = type;
    if (helpRef > 0) {
      buffer[at++] = HELP_REF;
      at = putVarint(buffer, at, helpRef);
    }
    if (unitRef > 0) {
      buffer[at++] = UNIT_REF;
      at = putVarint(buffer, at, unitRef);
    }
    out.length = at;
  }

  /** Puts the references to the labels of a series into `refs`. */
  private takeRefs(symbols: readonly RequestSymbol[], parts: SeriesText<LabelSymbols>['parts']): void {
    this.refCount = 0;
    this.refBytes = 0;
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i]!;
      if (isRange(part)) for (let s = part.from * 2; s < part.to * 2; s++) this.takeRef(symbols[s]!);
      else {
        this.takeRef(part[0]);
        this.takeRef(part[1]);
      }
    }
  }

  private takeRef(symbol: RequestSymbol): void {
    const ref = this.refOf(symbol);
    if (this.refCount === this.refs.length) {
      const refs = new Int32Array(this.refs.length * 2);
      refs.set(this.refs);
      this.refs = refs;
    }
    this.refs[this.refCount++] = ref;
    this.refBytes += varintSize(ref);
  }

  private refOf(symbol: RequestSymbol): number {
    if (symbol.request !== this.request) {
      symbol.request = this.request;
      symbol.ref = this.table.push(symbol) - 1;
    }
    return symbol.ref;
  }

  private symbolOf(text: string): RequestSymbol {
    const wellFormed = text.toWellFormed();
    let symbol = this.known.get(wellFormed);
    if (symbol === undefined) {
      symbol = { bytes: textField(SYMBOLS, wellFormed), request: -1, ref: 0 };
      this.known.set(wellFormed, symbol);
    }
    return symbol;
  }

  private metadataOf(family: MetricFamily): Metadata {
    let metadata = this.metadata.get(family);
    if (metadata === undefined) {
      const { name, type, help } = family;
      const [, unit = ''] = /_(bytes|seconds|celsius|ratio)(?:_total)?$/.exec(name) ?? [];
      metadata = {
        type: type === 'counter' ? COUNTER : GAUGE,
        help: this.symbolOf(help),
        unit: this.symbolOf(unit),
      };
      this.metadata.set(family, metadata);
    }
    return metadata;
  }
}

function startOf({ description, view }: ExportContainer): number {
  return startTime(description, view.createdAt, view.limits().createdAt);
}
