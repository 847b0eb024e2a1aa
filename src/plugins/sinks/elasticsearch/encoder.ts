import { createHash } from 'node:crypto';
import type { Label, Sink, SinkOptions } from '../../../kernel/contracts/index.js';
import {
  asLines,
  driverDocumentEncoder,
  labelsJson,
  metricKey,
  PreparedByContainer,
  type PreparedMetrics,
  prepareMetrics,
  writeMetrics,
} from '../common/index.js';

interface PreparedDocument {
  /** The action up to the time in the document's id. */
  readonly action: Uint8Array;
  /** From the comma after the time to the brace of `metrics`. */
  readonly head: Uint8Array;
  readonly metrics: PreparedMetrics;
}

const ACTION_END = Buffer.from('"}}\n');
const DOCUMENT_END = Buffer.from('}}\n');

/**
 * The action for a document whose id is made of its labels and time: a document that was stored already, by a request
 * whose answer was lost, is not stored twice.
 */
const actionFor = (labels: readonly Label[], kind = ''): Uint8Array => {
  const hash = createHash('sha256')
    .update(`${JSON.stringify(labels)}${kind}`)
    .digest('base64url')
    .slice(0, 20);
  return Buffer.from(`{"create":{"_id":"${hash}-`);
};

/** Encodes a sample as documents with `@timestamp`, `labels` and `metrics`, one for each set of labels. */
export function bulkEncoder(): Sink['encode'] {
  const prepared = new PreparedByContainer((groups, { container }): readonly PreparedDocument[] =>
    groups.map((group) => {
      const labels = [...container.labels, ...group.labels].sort(([a], [b]) => (a < b ? -1 : 1));
      return {
        // An application has the labels of its container.
        action: actionFor(labels, container.kind === 'container' ? '' : group.members[0]?.name),
        head: Buffer.from(`,"labels":${labelsJson(labels)},"metrics":{`),
        metrics: prepareMetrics(group, metricKey),
      };
    }),
  );
  return (sample, out) => {
    let count = 0;
    for (const { action, head, metrics } of prepared.of(sample)) {
      const start = out.length;
      out.bytes(action);
      out.integer(sample.time);
      out.bytes(ACTION_END);
      out.ascii('{"@timestamp":');
      out.time(sample.time);
      out.bytes(head);
      if (writeMetrics(out, sample, metrics) === 0) out.length = start;
      else {
        out.bytes(DOCUMENT_END);
        count++;
      }
    }
    return count;
  };
}

/** Encodes a sample as the document of cAdvisor's driver. */
export function driverBulkEncoder(options: SinkOptions): Sink['encode'] {
  const encode = asLines(driverDocumentEncoder(options, 'micros'));
  const actions = new PreparedByContainer((_, { container }) => actionFor(container.labels));
  return (sample, out) => {
    out.bytes(actions.of(sample));
    out.integer(sample.time);
    out.bytes(ACTION_END);
    return encode(sample, out);
  };
}
