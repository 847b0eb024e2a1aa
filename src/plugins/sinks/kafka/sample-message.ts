import type { ByteWriter } from '../../../kernel/contracts/bytes/index.js';
import type { ExportSample, Sink } from '../../../kernel/contracts/index.js';
import {
  FIXED64_FIELD_BYTES,
  labelField,
  PreparedByContainer,
  putInteger,
  textField,
  varint,
} from '../common/index.js';

/** Tags of `Sample` in sample.proto. */
const TIME = 0x09;
const LABELS = 0x12;
const METRICS = 0x1a;
/** Tags of `Metric`. */
const METRIC_NAME = 0x0a;
const METRIC_LABELS = 0x12;
const INTEGER = 0x19;
const NUMBER = 0x21;
/** What a fact has in place of a series: its value is whole and exact. */
const FACT = { column: 0, minus: 0, divisor: 1 };

/** A metric up to its value. */
interface PreparedMetric {
  /** Tag and length of the metric, its name and labels. */
  readonly head: Buffer;
  /** Place in `sample.series`; −1 for a fact. */
  readonly index: number;
  readonly fact: number | bigint;
}

interface PreparedSample {
  readonly labels: Buffer;
  readonly metrics: readonly PreparedMetric[];
}

/** Encodes samples as messages `Sample` of sample.proto. */
export function sampleMessageEncoder(): Sink['encode'] {
  const prepared = new PreparedByContainer((groups, { container }): PreparedSample => {
    const labels = Buffer.concat(container.labels.map((label) => labelField(LABELS, label)));
    const metrics = groups.flatMap((group) => {
      const own = Buffer.concat(group.labels.map((label) => labelField(METRIC_LABELS, label)));
      return group.members.map(({ name, index, fact }) => {
        const body = Buffer.concat([textField(METRIC_NAME, name), own]);
        const head = Buffer.concat([Buffer.from([METRICS, ...varint(body.length + FIXED64_FIELD_BYTES)]), body]);
        return { head, index, fact };
      });
    });
    return { labels, metrics };
  });
  return (sample, out) => {
    const before = out.length;
    const { labels, metrics } = prepared.of(sample);
    out.reserve(FIXED64_FIELD_BYTES);
    out.buffer[out.length] = TIME;
    out.length = putInteger(out.buffer, out.length + 1, Math.trunc(sample.time), 0);
    out.bytes(labels);
    let count = 0;
    for (const { head, index, fact } of metrics) {
      const value = index < 0 ? fact : sample.value(index);
      if (Number.isNaN(value)) continue;
      out.bytes(head);
      writeValue(out, sample, index, value);
      count++;
    }
    if (count === 0) out.length = before;
    return count;
  };
}

function writeValue(out: ByteWriter, { series, cursor }: ExportSample, index: number, value: number | bigint): void {
  out.reserve(FIXED64_FIELD_BYTES);
  const { buffer, length: at } = out;
  const { column, minus, divisor } = series[index] ?? FACT;
  if (typeof value === 'bigint') {
    buffer[at] = INTEGER;
    out.length = buffer.writeBigInt64LE(BigInt.asIntN(64, value), at + 1);
  } else if (divisor === 1 && Number.isInteger(value) && Math.abs(value) < 2 ** 63) {
    buffer[at] = INTEGER;
    out.length = putInteger(buffer, at + 1, value, minus < 0 ? (cursor.residuals?.[cursor.base + column] ?? 0) : 0);
  } else {
    buffer[at] = NUMBER;
    out.length = buffer.writeDoubleLE(value, at + 1);
  }
}
