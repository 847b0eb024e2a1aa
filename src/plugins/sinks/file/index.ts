import {
  DeliveryError,
  definePlugin,
  duration,
  PLUGIN_API_VERSION,
  type Sink,
  sinkOptions,
  size,
  z,
} from '../../../kernel/contracts/index.js';
import { asLines, jsonEncoder } from '../common/index.js';
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

function fileSink(options: z.output<typeof fileOptions>, nowMs: () => number): Sink {
  const { path, rotate } = options;
  const file = path === STDOUT ? undefined : new RotatedFile(path, rotate, nowMs);
  return {
    options,
    format: 'ndjson',
    encode: asLines(jsonEncoder()),
    start() {
      // When the reader is gone the write fails, which is reported.
      if (file === undefined) process.stdout.on('error', ignore);
    },
    send: ({ body }) => (file === undefined ? print(body) : file.append(body)),
    stop() {
      process.stdout.off('error', ignore);
      return file?.close();
    },
  };
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
  create: ({ clock }, options) => fileSink(options, () => clock.now() / 1000),
});
