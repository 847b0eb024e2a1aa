import {
  definePlugin,
  type ExportSample,
  HttpSender,
  httpOptions,
  httpUrl,
  type Sink,
  sinkOptions,
  z,
} from 'tallyman/plugin';
import type { ByteWriter } from 'tallyman/plugin/bytes';

/** Writes a sample as one line of JSON: its time, its labels, and its metrics by name and labels. */
function encode(sample: ExportSample, out: ByteWriter): number {
  const metrics: Record<string, number> = {};
  for (const [index, { family, labels }] of sample.series.entries()) {
    const value = sample.value(index);
    // NaN says that there is no number right now.
    if (!Number.isNaN(value)) metrics[[family.name, ...labels.map(([, label]) => label)].join(' ')] = value;
  }
  const time = new Date(sample.time / 1000).toISOString();
  out.text(`${JSON.stringify({ time, ...Object.fromEntries(sample.container.labels), metrics })}\n`);
  return Object.keys(metrics).length;
}

export default definePlugin({
  kind: 'sink',
  name: 'template-name',
  apiVersion: 1,
  version: '0.1.0',
  description: 'Sends samples as lines of JSON over HTTP.',
  configSchema: z.strictObject({
    url: httpUrl('http://receiver:8080/lines').describe('Where the lines are taken by POST.'),
    ...httpOptions,
    ...sinkOptions,
  }),
  create(_context, options): Sink {
    const sender = new HttpSender(options, options.concurrency);
    return {
      options,
      format: 'json-lines',
      encode,
      // What the receiver does not take rejects; the agent keeps the batch and sends it again.
      async send({ body }, signal) {
        await sender.send({ url: options.url, body, headers: { 'Content-Type': 'application/x-ndjson' }, signal });
      },
      stop: () => sender.close(),
    };
  },
});
