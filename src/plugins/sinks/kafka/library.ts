import type { ConnectionOptions } from 'node:tls';
import type { SASLOptions } from 'kafkajs';
import type Cluster from 'kafkajs/src/cluster/index.js';
import type RequestQueue from 'kafkajs/src/network/requestQueue/index.js';
import type { RequestDefinitions } from 'kafkajs/src/protocol/requests/produce/index.js';
import { destinationOf } from '../common/index.js';

/** How soon requests that wait for answers to others are looked at again, ms; as in kafkajs. */
const PENDING_CHECK_MS = 10;
/** As in kafkajs. */
const METADATA_MAX_AGE_MS = 300_000;

export interface ClusterOptions {
  readonly timeoutMs: number;
  readonly ssl?: ConnectionOptions;
  readonly sasl?: SASLOptions;
  /** Takes what the library has to say. */
  readonly log: (message: string) => void;
}

/** What the sink uses of kafkajs. */
export interface Library {
  /** @param broker `host:port` of the first broker to connect to */
  cluster(broker: string, options: ClusterOptions): Cluster;
  /** The versions of the Produce request, with the form of their answers. */
  readonly produce: RequestDefinitions;
}

/**
 * Loads the parts of kafkajs that connect, authenticate and find the leaders of partitions. Its producer makes several
 * objects per message, so record batches are encoded here. In 2.2.4 each connection has a timer that fires every
 * millisecond for ever, which takes more CPU time than all messages (tulios/kafkajs#1704, not fixed there): here it runs
 * only while requests wait.
 */
export async function loadKafkajs(): Promise<Library> {
  const [cluster, loggers, socketFactory, produce, queue] = await Promise.all([
    import('kafkajs/src/cluster/index.js'),
    import('kafkajs/src/loggers/index.js'),
    import('kafkajs/src/network/socketFactory.js'),
    import('kafkajs/src/protocol/requests/produce/index.js'),
    import('kafkajs/src/network/requestQueue/index.js'),
  ]);
  queue.default.prototype.scheduleCheckPendingRequests = scheduleCheckPendingRequests;
  const { createLogger, LEVELS } = loggers.default;
  return {
    produce: produce.default,
    cluster: (broker, { timeoutMs, log, ...security }) => {
      const made = new cluster.default({
        ...security,
        clientId: 'tallyman',
        brokers: [broker],
        connectionTimeout: timeoutMs,
        requestTimeout: timeoutMs,
        enforceRequestTimeout: true,
        metadataMaxAge: METADATA_MAX_AGE_MS,
        allowAutoTopicCreation: true,
        maxInFlightRequests: null,
        // Failures are tried again by the delivery, which knows how long there is room.
        retry: { retries: 0 },
        socketFactory: socketFactory.default(),
        logger: createLogger({ level: LEVELS.INFO, logCreator: () => (entry) => log(entry.log.message) }),
      });
      // The library takes the text before the first colon as the host, which is none where that is an IPv6 address.
      const { connectionPoolBuilder } = made;
      const build = connectionPoolBuilder.build;
      const first = destinationOf(broker);
      connectionPoolBuilder.build = (destination = first) => build(destination);
      return made;
    },
  };
}

function scheduleCheckPendingRequests(this: RequestQueue): void {
  if (this.pending.length === 0 || this.throttleCheckTimeoutId !== null) return;
  const throttledMs = this.throttledUntil - Date.now();
  this.throttleCheckTimeoutId = setTimeout(
    () => {
      this.throttleCheckTimeoutId = null;
      this.checkPendingRequests();
    },
    throttledMs > 0 ? throttledMs : PENDING_CHECK_MS,
  );
}
