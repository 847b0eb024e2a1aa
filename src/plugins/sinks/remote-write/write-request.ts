import type { ByteWriter } from '../../../kernel/contracts/bytes/index.js';
import type { Label } from '../../../kernel/contracts/index.js';
import { FIXED64_FIELD_BYTES, labelField, putBytes, putVarint } from '../common/index.js';
import { isRange, SeriesEncoder, type SeriesText, STALE_NAN, timestampBytes } from './series-encoder.js';

/** Tags of `WriteRequest.timeseries`, `TimeSeries.labels` and `.samples`, `Sample.value` and `.timestamp`. */
const TIME_SERIES = 0x0a;
const LABELS = 0x0a;
const SAMPLES = 0x12;
const VALUE = 0x09;
const TIMESTAMP = 0x10;
/** Bytes of the tag and the length of a series, and more than those of its sample. */
const ROOM = 64;

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
  protected override encodeLabel(label: Label): Buffer {
    return labelField(LABELS, label);
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
    const sampleBytes = FIXED64_FIELD_BYTES + this.stamp.length;
    out.reserve(labelBytes + ROOM);
    const { buffer } = out;
    let at = out.length;
    buffer[at++] = TIME_SERIES;
    at = putVarint(buffer, at, labelBytes + sampleBytes + 2);
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i]!;
      if (isRange(part)) at = putBytes(buffer, at, bytes, offsets[part.from], offsets[part.to]);
      else at = putBytes(buffer, at, part);
    }
    buffer[at++] = SAMPLES;
    buffer[at++] = sampleBytes;
    buffer[at++] = VALUE;
    at = value === undefined ? putBytes(buffer, at, STALE_NAN) : buffer.writeDoubleLE(value, at);
    out.length = putBytes(buffer, at, this.stamp);
  }
}
