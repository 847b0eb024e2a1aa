import type { ByteWriter } from '../../../kernel/contracts/bytes/index.js';
import {
  DeliveryError,
  definePlugin,
  duration,
  type ExportSample,
  PLUGIN_API_VERSION,
  type Sink,
  type SinkBatch,
  sinkOptions,
  size,
  z,
} from '../../../kernel/contracts/index.js';
import { JsonEncoder } from '../common/index.js';
import { RotatedFile } from './rotated-file.js';

const STDOUT = '-';

const fileOptions = z.strictObject({
  path: z
    .string()
    .regex(/^(\/.*[^/]|-)$/, { error: 'expected the absolute path of a file, or - for standard output' })
    .describe('File that lines are appended to; `-`: standard output.'),
  rotate: z
    .strictObject({
      size: size().prefault('100MiB').describe('A file that would become larger is renamed to `<path>.1` first.'),
      age: duration().optional().describe('A file of this age is renamed too. Absent: files have no age limit.'),
      keep: z.int().min(0).default(5).describe('Renamed files that are kept; `<path>.1` is the newest.'),
    })
    .prefault({})
    .describe('When a new file is started.'),
  ...sinkOptions,
});

class FileSink implements Sink {
  readonly format = 'ndjson';
  private readonly encoder = new JsonEncoder();
  private readonly file: RotatedFile | undefined;

  constructor(
    readonly options: z.output<typeof fileOptions>,
    nowMs: () => number,
  ) {
    const { path, rotate } = options;
    if (path !== STDOUT) this.file = new RotatedFile(path, rotate, nowMs);
  }

  start(): void {
    // When the reader is gone the write fails, which is reported.
    if (this.file === undefined) process.stdout.on('error', ignore);
  }

  encode(sample: ExportSample, out: ByteWriter): number {
    const points = this.encoder.write(out, sample);
    if (points > 0) out.ascii('\n');
    return points;
  }

  async send({ body }: SinkBatch): Promise<void> {
    if (this.file !== undefined) await this.file.append(body);
    else await print(body);
  }

  async stop(): Promise<void> {
    process.stdout.off('error', ignore);
    await this.file?.close();
  }
}

function ignore(): void {}

function print(body: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(body, (error) => {
      if (error == null) resolve();
      else reject(new DeliveryError(`cannot write to standard output: ${error.message}`, { cause: error }));
    });
  });
}

export default definePlugin({
  kind: 'sink',
  name: 'file',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Writes samples as lines of JSON to a file, which it rotates, or to standard output.',
  configSchema: fileOptions,
  create: ({ clock }, options) => new FileSink(options, () => clock.now() / 1000),
});
