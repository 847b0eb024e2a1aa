import type { SASLOptions } from 'kafkajs';
import type { ByteWriter } from '../../../kernel/contracts/bytes/index.js';
import {
  DeliveryError,
  definePlugin,
  type ExportContainer,
  type ExportSample,
  httpOptions,
  messageOf,
  PLUGIN_API_VERSION,
  type PluginContext,
  type Sink,
  type SinkBatch,
  sinkOptions,
  z,
} from '../../../kernel/contracts/index.js';
import {
  compressionOption,
  driverDocumentEncoder,
  HOST_PORT,
  jsonEncoder,
  layoutOption,
  machineName,
  PreparedByContainer,
  passwordOf,
  passwordOptions,
  rawLabels,
  tlsOptions,
} from '../common/index.js';
import { type ClusterOptions, loadKafkajs } from './library.js';
import { Producer } from './producer.js';
import { LENGTH_BYTES } from './record-batch.js';
import { sampleMessageEncoder } from './sample-message.js';

const ACKS = { all: -1, leader: 1, none: 0 } as const;
/** Errors that the same batch would get at each attempt. */
const PERMANENT = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD', 'INVALID_TOPIC_EXCEPTION']);

const sasl = z
  .strictObject({
    mechanism: z
      .enum(['plain', 'scram-sha-256', 'scram-sha-512'])
      .default('scram-sha-512')
      .describe('SASL mechanism. `plain` sends the password itself: use TLS with it.'),
    username: z.string().min(1).describe('User name.'),
    ...passwordOptions,
  })
  .refine(({ password, passwordFile }) => (password === undefined) !== (passwordFile === undefined), {
    error: 'expected either password or passwordFile',
  });

const kafkaOptions = z
  .strictObject({
    brokers: z
      .array(z.string().regex(HOST_PORT, { error: 'expected host:port' }))
      .min(1)
      .describe('Brokers to connect to first; they name the others: `[kafka1:9092, kafka2:9092]`.'),
    topic: z
      .string()
      .regex(/^(?!\.{1,2}$)[\w.-]{1,249}$/, { error: 'expected a topic: letters, digits, dots, _ and -' })
      .default('tallyman')
      .describe('Topic to write to.'),
    acks: z
      .enum(['all', 'leader', 'none'])
      .default('all')
      .describe('Who acknowledges a batch before it counts as sent: all replicas in sync, the leader, or nobody.'),
    compression: compressionOption('messages'),
    layout: layoutOption('documents as cAdvisor’s driver wrote them.'),
    format: z
      .enum(['json', 'protobuf'])
      .default('json')
      .describe('Form of messages: `json`, or `protobuf` as config/sample.proto defines it.'),
    secure: z.boolean().default(false).describe('Use TLS.'),
    tls: httpOptions.tls,
    sasl: sasl.optional().describe('User name and password.'),
    timeout: httpOptions.timeout,
    ...sinkOptions,
  })
  .refine(({ layout, format }) => layout === 'tallyman' || format === 'json', {
    error: 'expected format: json, as the layout of cAdvisor is JSON',
    path: ['format'],
  });

type KafkaOptions = z.output<typeof kafkaOptions>;

class KafkaSink implements Sink {
  readonly format: string;
  readonly containersOnly: boolean;
  private readonly encodeValue: Sink['encode'];
  private readonly keys = new PreparedByContainer((_, { container }) => {
    const text = Buffer.from(`${machineName(this.options)}${container.name}`);
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32LE(text.length);
    return Buffer.concat([length, text]);
  });
  private producer: Promise<Producer> | undefined;

  constructor(
    private readonly context: PluginContext,
    readonly options: KafkaOptions,
  ) {
    const { layout, format } = options;
    this.format = `kafka-messages ${format} ${layout}`;
    this.containersOnly = layout === 'cadvisor';
    this.encodeValue =
      layout === 'cadvisor'
        ? driverDocumentEncoder(options, 'text', (container) => driverMembers(container, options))
        : format === 'json'
          ? jsonEncoder()
          : sampleMessageEncoder();
  }

  /** Each message is its key and its value, with their lengths before them. */
  encode(sample: ExportSample, out: ByteWriter): number {
    const start = out.length;
    out.bytes(this.keys.of(sample));
    const lengthAt = out.length;
    out.reserve(LENGTH_BYTES);
    out.length += LENGTH_BYTES;
    const points = this.encodeValue(sample, out);
    if (points === 0) out.length = start;
    else out.buffer.writeUInt32LE(out.length - lengthAt - LENGTH_BYTES, lengthAt);
    return points;
  }

  async send({ body }: SinkBatch, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const sending = this.produce(Buffer.from(body.buffer, body.byteOffset, body.byteLength), signal);
    let abort = () => {};
    // kafkajs has no way to cancel a request.
    const aborted = new Promise<never>((_, reject) => {
      abort = () => reject(signal.reason);
    });
    signal.addEventListener('abort', abort);
    try {
      await Promise.race([sending, aborted]);
    } finally {
      signal.removeEventListener('abort', abort);
      // It may go on after the abort; its result is ignored then.
      sending.catch(() => {});
    }
  }

  async stop(): Promise<void> {
    const producer = await this.producer?.catch(() => undefined);
    this.producer = undefined;
    await producer?.close();
  }

  private async produce(body: Buffer, signal: AbortSignal): Promise<void> {
    const { topic, brokers } = this.options;
    try {
      this.producer ??= this.connect(signal);
      const producer = await this.producer;
      await producer.send(body);
    } catch (error) {
      const producer = this.producer;
      this.producer = undefined;
      void producer?.then((one) => one.close()).catch(() => {});
      const permanent = typesOf(error).some((type) => PERMANENT.has(type));
      throw new DeliveryError(`${brokers.join(',')} topic ${topic}: ${reasonOf(error)}`, { permanent, cause: error });
    }
  }

  /** Loads the library when it is needed for the first time. */
  private async connect(signal: AbortSignal): Promise<Producer> {
    const { brokers, topic, acks, compression } = this.options;
    const cluster = clusterOptions(this.options, (message) => this.context.logger.debug(message));
    const isGzip = compression === 'gzip';
    return Producer.connect(await loadKafkajs(), { brokers, topic, acks: ACKS[acks], isGzip, cluster }, signal);
  }
}

function clusterOptions({ timeout, secure, tls, sasl }: KafkaOptions, log: ClusterOptions['log']): ClusterOptions {
  return {
    timeoutMs: timeout,
    log,
    ...(secure && { ssl: tlsOptions(tls) }),
    ...(sasl !== undefined && { sasl: saslOptions(sasl) }),
  };
}

function saslOptions({ mechanism, username, ...password }: z.output<typeof sasl>): SASLOptions {
  return { mechanism, username, password: passwordOf(password)! } as SASLOptions;
}

/** Members that only cAdvisor's driver for Kafka writes. */
function driverMembers({ description }: ExportContainer, options: KafkaOptions): Record<string, unknown> {
  const present = (members: Readonly<Record<string, string>>) =>
    Object.keys(members).length === 0 ? undefined : members;
  return {
    container_Id: description.id,
    container_labels: present(rawLabels(description, options)),
    container_envs: present(description.envs),
  };
}

/** Errors of OpenSSL are a line with its source files, in which the reason is one part: `tlsv13 alert certificate required`. */
const reasonOf = (error: unknown): string =>
  messageOf(error)
    .replace(/[\dA-F]+:error:[\dA-F]+:SSL routines:[^:]*:([^:]+):[^\n]*/, '$1')
    .trim();

/** The codes of an error of the library and of what it was caused by. */
function typesOf(error: unknown): string[] {
  const { type, cause } = (error ?? {}) as { type?: unknown; cause?: unknown };
  return [...(typeof type === 'string' ? [type] : []), ...(cause === undefined ? [] : typesOf(cause))];
}

export default definePlugin({
  kind: 'sink',
  name: 'kafka',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Writes samples to a topic of Apache Kafka or Redpanda, keyed by container.',
  configSchema: kafkaOptions,
  create: (context, options) => new KafkaSink(context, options),
});
