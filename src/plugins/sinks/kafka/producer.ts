import type Cluster from 'kafkajs/src/cluster/index.js';
import type { ProduceRequest, RequestDefinitions } from 'kafkajs/src/protocol/requests/produce/index.js';
import { gzipBody } from '../common/index.js';
import type { ClusterOptions, Library } from './library.js';
import { type PartitionBatch, recordBatches } from './record-batch.js';

const PRODUCE = 0;
/** The first version of Produce with record batches, of Kafka 0.11. */
const RECORD_BATCH_VERSION = 3;

export interface ProducerOptions {
  /** `host:port` of each. */
  readonly brokers: readonly string[];
  readonly topic: string;
  /** −1: all replicas in sync; 1: the leader; 0: nobody. */
  readonly acks: -1 | 0 | 1;
  readonly isGzip: boolean;
  readonly cluster: ClusterOptions;
}

/** Writes messages to a topic over connections of kafkajs. To be closed and made again after a failure. */
export class Producer {
  private constructor(
    private readonly options: ProducerOptions,
    private readonly cluster: Cluster,
    private readonly definitions: RequestDefinitions,
  ) {}

  /** Connects to the first broker that can be reached; it names the others. */
  static async connect(library: Library, options: ProducerOptions, signal: AbortSignal): Promise<Producer> {
    let failure: unknown;
    for (const broker of options.brokers) {
      signal.throwIfAborted();
      const cluster = library.cluster(broker, options.cluster);
      try {
        await cluster.connect();
        return new Producer(options, cluster, library.produce);
      } catch (error) {
        failure = error;
        void cluster.disconnect().catch(() => {});
      }
    }
    throw failure;
  }

  /**
   * Sends messages to the leaders of their partitions.
   * @param body as `recordBatches` takes it
   * @throws the first error that a broker answered for a partition, or that kept a request from it
   */
  async send(body: Buffer): Promise<void> {
    const { topic, isGzip } = this.options;
    await this.cluster.addTargetTopic(topic);
    await this.cluster.refreshMetadataIfNecessary();
    const partitions = this.cluster.findTopicPartitionMetadata(topic);
    if (partitions.length === 0) throw new Error('the brokers know no partition of the topic');
    const leaders = new Map(partitions.map(({ partitionId, leader }) => [partitionId, leader]));
    const byLeader = new Map<number, PartitionBatch[]>();
    for (const batch of await recordBatches(body, partitions.length, Date.now(), isGzip ? gzipBody : undefined)) {
      const leader = leaders.get(batch.partition) ?? -1;
      if (leader < 0) throw new Error(`partition ${batch.partition} has no leader`);
      const batches = byLeader.get(leader);
      if (batches === undefined) byLeader.set(leader, [batch]);
      else batches.push(batch);
    }
    await Promise.all([...byLeader].map(([leader, batches]) => this.produce(leader, batches)));
  }

  close(): Promise<void> {
    return this.cluster.disconnect();
  }

  private async produce(nodeId: number, batches: readonly PartitionBatch[]): Promise<void> {
    const { topic, acks, cluster } = this.options;
    const broker = await this.cluster.findBroker({ nodeId });
    const theirs = broker.lookupRequest(PRODUCE, this.definitions)({ acks, timeout: cluster.timeoutMs, topicData: [] });
    if (theirs.request.apiVersion < RECORD_BATCH_VERSION) throw new Error('the broker is older than Kafka 0.11');
    const payload = producePayload(topic, acks, cluster.timeoutMs, batches);
    const encode = async () => ({ buf: payload, buffer: payload });
    const request: ProduceRequest = { ...theirs, request: { ...theirs.request, encode } };
    await broker.connectionPool.send(request);
  }
}

/** The fields of a Produce request of version 3 to 8 behind its header. */
export function producePayload(
  topic: string,
  acks: number,
  timeoutMs: number,
  batches: readonly PartitionBatch[],
): Buffer {
  const name = Buffer.from(topic);
  const head = Buffer.alloc(18 + name.length);
  // No transactional id.
  head.writeInt16BE(-1, 0);
  head.writeInt16BE(acks, 2);
  head.writeInt32BE(timeoutMs, 4);
  head.writeInt32BE(1, 8);
  head.writeInt16BE(name.length, 12);
  name.copy(head, 14);
  head.writeInt32BE(batches.length, 14 + name.length);
  const parts: Buffer[] = [head];
  for (const { partition, bytes } of batches) {
    const partitionHead = Buffer.alloc(8);
    partitionHead.writeInt32BE(partition, 0);
    partitionHead.writeInt32BE(bytes.length, 4);
    parts.push(partitionHead, bytes);
  }
  return Buffer.concat(parts);
}
