import type { ByteWriter } from '../../../kernel/contracts/bytes/index.js';
import type { Label } from '../../../kernel/contracts/index.js';
import { isRange, SeriesEncoder, type SeriesText, STALE_NAN, timestampBytes, varint } from './series-encoder.js';

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

/** The labels of a container, encoded. */
interface ContainerLabels {
  readonly bytes: Buffer;
  /** Where each label begins; one more for the end. */
  readonly offsets: Int32Array;
}

/** Encodes samples as the time series of a `WriteRequest` (remote write 1.0). */
export class WriteRequestEncoder extends SeriesEncoder<ContainerLabels, Buffer> {
  /** The sample's tag and time, as they follow the value: the same for all series of a sample. */
  private stamp: Buffer = Buffer.alloc(0);

  protected override encodeContainer(labels: readonly Label[]): ContainerLabels {
    const offsets = new Int32Array(labels.length + 1);
    const pieces = labels.map((label, i) => {
      const bytes = this.encodeLabel(label);
      offsets[i + 1] = offsets[i]! + bytes.length;
      return bytes;
    });
    return { bytes: Buffer.concat(pieces), offsets };
  }

  /** A label with its tag and length. */
  protected override encodeLabel([name, value]: Label): Buffer {
    const label = Buffer.concat([encodeText(0x0a, name), encodeText(0x12, value.toWellFormed())]);
    return Buffer.concat([Buffer.from([LABELS, ...varint(label.length)]), label]);
  }

  protected override setTime(timeUs: number): void {
    this.stamp = timestampBytes(TIMESTAMP, timeUs);
  }

  protected override write(
    { bytes, offsets }: ContainerLabels,
    { parts }: SeriesText<Buffer>,
    value: number | undefined,
    out: ByteWriter,
  ): void {
    let labelBytes = 0;
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i]!;
      labelBytes += isRange(part) ? offsets[part.to]! - offsets[part.from]! : part.length;
    }
    const sampleBytes = VALUE_BYTES + this.stamp.length;
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
      if (isRange(part)) at = copy(bytes, offsets[part.from]!, offsets[part.to]!, buffer, at);
      else at = copy(part, 0, part.length, buffer, at);
    }
    buffer[at++] = SAMPLES;
    buffer[at++] = sampleBytes;
    buffer[at++] = VALUE;
    if (value === undefined) at = copy(STALE_NAN, 0, STALE_NAN.length, buffer, at);
    else at = buffer.writeDoubleLE(value, at);
    out.length = copy(this.stamp, 0, this.stamp.length, buffer, at);
  }
}

function copy(source: Buffer, from: number, to: number, target: Buffer, at: number): number {
  if (to - from < SHORT) for (let i = from; i < to; i++) target[at++] = source[i]!;
  else at += source.copy(target, at, from, to);
  return at;
}

function encodeText(tag: number, text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([tag, ...varint(bytes.length)]), bytes]);
}
