import {
  definePlugin,
  httpOptions,
  PLUGIN_API_VERSION,
  type Sink,
  sinkOptions,
  z,
} from '../../../kernel/contracts/index.js';
import {
  asLines,
  driverDocumentEncoder,
  jsonEncoder,
  layoutOption,
  linesOf,
  passwordOptions,
} from '../common/index.js';
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
    ...passwordOptions,
    tls: httpOptions.tls,
    timeout: httpOptions.timeout,
    ...sinkOptions,
  })
  .refine(({ password, passwordFile }) => password === undefined || passwordFile === undefined, {
    error: 'expected password or passwordFile, not both',
  });

type RedisOptions = z.output<typeof redisOptions>;

function redisSink(options: RedisOptions): Sink {
  const { layout } = options;
  const isDriver = layout === 'cadvisor';
  /** One for each batch that may be under way. */
  const idle: RedisConnection[] = [];
  return {
    options,
    format: `ndjson ${layout}`,
    containersOnly: isDriver,
    encode: asLines(isDriver ? driverDocumentEncoder(options, 'micros') : jsonEncoder()),
    /** One transaction: the batch is stored completely or not at all. */
    async send({ body }, signal) {
      const commands = [command('MULTI'), ...storing(linesOf(body), options), command('EXEC')];
      const connection = idle.pop() ?? new RedisConnection(options);
      try {
        await connection.send(Buffer.concat(commands), commands.length, signal);
      } finally {
        idle.push(connection);
      }
    },
    stop() {
      for (const connection of idle) connection.close();
    },
  };
}

/** The commands that store values. */
function storing(values: readonly Uint8Array[], { key, structure, maxLength }: RedisOptions): Buffer[] {
  if (structure === 'stream') {
    return values.map((value) => command('XADD', key, 'MAXLEN', '~', String(maxLength), '*', 'sample', value));
  }
  const commands: Buffer[] = [];
  for (let i = 0; i < values.length; i += VALUES_PER_COMMAND) {
    commands.push(command('LPUSH', key, ...values.slice(i, i + VALUES_PER_COMMAND)));
  }
  return [...commands, command('LTRIM', key, '0', String(maxLength - 1))];
}

export default definePlugin({
  kind: 'sink',
  name: 'redis',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Writes samples to lists or streams of Redis or Valkey, which it keeps from growing.',
  configSchema: redisOptions,
  create: (_context, options) => redisSink(options),
});
