import type { ByteWriter } from '../../../kernel/contracts/bytes/index.js';
import {
  definePlugin,
  type ExportSample,
  httpOptions,
  PLUGIN_API_VERSION,
  type Sink,
  type SinkBatch,
  secret,
  sinkOptions,
  z,
} from '../../../kernel/contracts/index.js';
import { DriverDocumentEncoder, JsonEncoder, layoutOption, linesOf } from '../common/index.js';
import { command, RedisConnection } from './connection.js';

/** Values in one command. Redis serves no other client while it runs a command. */
const VALUES_PER_COMMAND = 1_000;

const redisOptions = z
  .strictObject({
    url: z
      .string()
      .regex(/^(rediss?:\/\/(\[[\da-fA-F:.]+\]|[^/@\s:[\]]+)(:\d+)?(\/\d+)?\/?|unix:\/\/\/[^\s]+)$/, {
        error:
          'expected redis://host:6379/0, rediss:// for TLS or unix:///path, without user and password: use username and password',
      })
      .default('redis://127.0.0.1:6379')
      .describe(
        'Where Redis answers: `redis://host:6379/0`, `rediss://…` for TLS, `unix:///path`. The path is the database.',
      ),
    key: z.string().min(1).default('tallyman').describe('Key of the list or stream.'),
    structure: z
      .enum(['list', 'stream'])
      .default('list')
      .describe('`list`: pushed on the left, the newest first. `stream`: entries with the field `sample`.'),
    maxLength: z
      .int()
      .min(1)
      .default(100_000)
      .describe('Longest list or stream: beyond it the oldest samples go. That of a stream is kept approximately.'),
    layout: layoutOption('documents as cAdvisor’s driver wrote them.'),
    username: z.string().min(1).optional().describe('User name. Absent: that of the default user.'),
    password: secret().optional().describe('Password.'),
    passwordFile: z
      .string()
      .regex(/^\//, { error: 'expected an absolute path' })
      .optional()
      .describe('File with the password, read at each connection.'),
    tls: httpOptions.tls,
    timeout: httpOptions.timeout,
    ...sinkOptions,
  })
  .refine(({ password, passwordFile }) => password === undefined || passwordFile === undefined, {
    error: 'expected password or passwordFile, not both',
  });

type RedisOptions = z.output<typeof redisOptions>;

class RedisSink implements Sink {
  readonly format: string;
  readonly containersOnly: boolean;
  private readonly encoder: { write(out: ByteWriter, sample: ExportSample): number };
  /** One for each batch that may be under way. */
  private readonly idle: RedisConnection[] = [];

  constructor(readonly options: RedisOptions) {
    const { layout } = options;
    this.format = `ndjson ${layout}`;
    this.containersOnly = layout === 'cadvisor';
    this.encoder =
      layout === 'cadvisor' ? new DriverDocumentEncoder(options, { timestamp: 'micros' }) : new JsonEncoder();
  }

  encode(sample: ExportSample, out: ByteWriter): number {
    const points = this.encoder.write(out, sample);
    if (points > 0) out.ascii('\n');
    return points;
  }

  /** One transaction: the batch is stored completely or not at all. */
  async send({ body }: SinkBatch, signal: AbortSignal): Promise<void> {
    const values = linesOf(body);
    const commands = [command('MULTI'), ...this.commandsOf(values), command('EXEC')];
    const connection = this.idle.pop() ?? new RedisConnection(this.options);
    try {
      await connection.send(Buffer.concat(commands), commands.length, signal);
    } finally {
      this.idle.push(connection);
    }
  }

  stop(): void {
    for (const connection of this.idle) connection.close();
  }

  private commandsOf(values: readonly Uint8Array[]): Buffer[] {
    const { key, structure, maxLength } = this.options;
    if (structure === 'stream') {
      return values.map((value) => command('XADD', key, 'MAXLEN', '~', String(maxLength), '*', 'sample', value));
    }
    const commands: Buffer[] = [];
    for (let i = 0; i < values.length; i += VALUES_PER_COMMAND) {
      commands.push(command('LPUSH', key, ...values.slice(i, i + VALUES_PER_COMMAND)));
    }
    return [...commands, command('LTRIM', key, '0', String(maxLength - 1))];
  }
}

export default definePlugin({
  kind: 'sink',
  name: 'redis',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Writes samples to lists or streams of Redis or Valkey, which it keeps from growing.',
  configSchema: redisOptions,
  create: (_context, options) => new RedisSink(options),
});
