/** Modules inside kafkajs 2.2.4, as far as this sink and the test of its timers use them. */

declare module 'kafkajs/src/cluster/index.js' {
  import type { Cluster, KafkaConfig, Logger } from 'kafkajs';
  import type { ProduceRequest, RequestDefinitions } from 'kafkajs/src/protocol/requests/produce/index.js';

  export interface Broker {
    /** Takes the newest version that the broker knows. */
    lookupRequest(apiKey: number, definitions: RequestDefinitions): (options: object) => ProduceRequest;
    readonly connectionPool: { send(request: ProduceRequest): Promise<unknown> };
  }

  interface Destination {
    readonly host: string;
    readonly port: number;
  }

  export default class implements Pick<Cluster, 'connect' | 'disconnect'> {
    /** As `KafkaConfig`, with what `Kafka` itself gives a producer’s cluster. */
    constructor(
      options: Omit<KafkaConfig, 'socketFactory'> & {
        /** ms */
        readonly metadataMaxAge: number;
        readonly allowAutoTopicCreation: boolean;
        readonly maxInFlightRequests: number | null;
        readonly socketFactory: object;
        readonly logger: Logger;
      },
    );
    readonly connectionPoolBuilder: { build(destination?: Destination): Promise<object> };
    connect(): Promise<void>;
    disconnect(): Promise<void>;
    addTargetTopic(topic: string): Promise<void>;
    refreshMetadataIfNecessary(): Promise<void>;
    findTopicPartitionMetadata: Cluster['findTopicPartitionMetadata'];
    /** @returns the broker, connected */
    findBroker(node: { readonly nodeId: number }): Promise<Broker>;
  }
}

declare module 'kafkajs/src/protocol/requests/produce/index.js' {
  export interface ProduceRequest {
    readonly request: {
      readonly apiVersion: number;
      /** Gives what the connection uses of the library’s `Encoder`. */
      readonly encode: () => Promise<{ readonly buf: Buffer; readonly buffer: Buffer }>;
    };
    readonly response: object;
  }

  export interface RequestDefinitions {
    readonly versions: readonly string[];
    protocol(version: { readonly version: number }): (options: object) => ProduceRequest;
  }

  const definitions: RequestDefinitions;
  export default definitions;
}

declare module 'kafkajs/src/loggers/index.js' {
  import type { LogEntry, Logger } from 'kafkajs';

  const loggers: {
    createLogger(options: { readonly level: number; readonly logCreator: () => (entry: LogEntry) => void }): Logger;
    readonly LEVELS: { readonly INFO: number };
  };
  export default loggers;
}

declare module 'kafkajs/src/network/socketFactory.js' {
  export default function socketFactory(): object;
}

declare module 'kafkajs/src/network/requestQueue/index.js' {
  export default class RequestQueue {
    readonly pending: readonly unknown[];
    /** ms since the epoch; −1: not throttled. */
    throttledUntil: number;
    throttleCheckTimeoutId: NodeJS.Timeout | null;
    constructor(options: Readonly<Record<string, unknown>>);
    push(request: Readonly<Record<string, unknown>>): void;
    fulfillRequest(response: Readonly<Record<string, unknown>>): void;
    maybeThrottle(ms: number): void;
    checkPendingRequests(): void;
    scheduleCheckPendingRequests(): void;
  }
}
