import { quoteJson } from '../../../kernel/contracts/bytes/index.js';
import type { Label, Sink } from '../../../kernel/contracts/index.js';
import { PreparedByContainer, type PreparedMetrics, prepareMetrics, writeMetrics } from './groups.js';

interface PreparedDocument {
  /** From the comma after the time to the brace of `metrics`. */
  readonly head: Uint8Array;
  readonly metrics: PreparedMetrics;
  readonly groups: readonly { readonly head: Uint8Array; readonly metrics: PreparedMetrics }[];
}

const BRACES = Buffer.from('}}');

/** The key of a metric in a JSON object, with the colon. */
export const metricKey = (name: string): string => `${quoteJson(name)}:`;

/** The JSON text of labels. */
export const labelsJson = (labels: readonly Label[]): string =>
  `{${labels.map(([name, value]) => `${quoteJson(name)}:${quoteJson(value)}`).join(',')}}`;

/**
 * Writes a sample as one JSON object:
 * `{"time":…,"labels":{…},"metrics":{…},"series":[{"labels":{…},"metrics":{…}}]}`. `series` has the metrics with labels
 * besides the container's own.
 */
export function jsonEncoder(): Sink['encode'] {
  const prepared = new PreparedByContainer((groups, { container }): PreparedDocument => {
    const [first, ...others] = groups[0]?.labels.length === 0 ? groups : [{ labels: [], members: [] }, ...groups];
    return {
      head: Buffer.from(`,"labels":${labelsJson(container.labels)},"metrics":{`),
      metrics: prepareMetrics(first!, metricKey),
      groups: others.map((group) => ({
        head: Buffer.from(`{"labels":${labelsJson(group.labels)},"metrics":{`),
        metrics: prepareMetrics(group, metricKey),
      })),
    };
  });
  return (sample, out) => {
    const before = out.length;
    const { head, metrics, groups } = prepared.of(sample);
    out.ascii('{"time":');
    out.time(sample.time);
    out.bytes(head);
    let count = writeMetrics(out, sample, metrics);
    out.ascii('},"series":[');
    let isFirst = true;
    for (const group of groups) {
      const start = out.length;
      if (!isFirst) out.ascii(',');
      out.bytes(group.head);
      const written = writeMetrics(out, sample, group.metrics);
      if (written === 0) out.length = start;
      else {
        out.bytes(BRACES);
        isFirst = false;
        count += written;
      }
    }
    out.ascii(']}');
    if (count === 0) out.length = before;
    return count;
  };
}

/** Ends what is encoded of a sample with a line break. */
export function asLines(encode: Sink['encode']): Sink['encode'] {
  return (sample, out) => {
    const points = encode(sample, out);
    if (points > 0) out.ascii('\n');
    return points;
  };
}

/** The lines of a body, without line breaks. */
export function linesOf(body: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = [];
  for (let start = 0; start < body.length; ) {
    const found = body.indexOf(0x0a, start);
    const end = found < 0 ? body.length : found;
    if (end > start) lines.push(body.subarray(start, end));
    start = end + 1;
  }
  return lines;
}
