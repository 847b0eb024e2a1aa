import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { ICustomPartitioner } from 'kafkajs';
import type RequestQueue from 'kafkajs/src/network/requestQueue/index.js';
import { gzipBody } from '../common/index.js';

/** How soon requests that wait for answers to others are looked at again, ms; as in kafkajs. */
const PENDING_CHECK_MS = 10;

/**
 * Loads kafkajs. In 2.2.4 each connection has a timer that fires every millisecond for ever, which takes more CPU time than all
 * messages (tulios/kafkajs#1704, not fixed there): here it runs only while requests wait.
 */
export async function loadKafkajs(): Promise<typeof import('kafkajs')> {
  const { default: library } = await import('kafkajs');
  const { default: queue } = await import('kafkajs/src/network/requestQueue/index.js');
  queue.prototype.scheduleCheckPendingRequests = scheduleCheckPendingRequests;
  const { CompressionCodecs, CompressionTypes } = library;
  CompressionCodecs[CompressionTypes.GZIP] = () => ({
    compress: ({ buffer }: { readonly buffer: Buffer }) => gzipBody(buffer),
    decompress: promisify(gunzip),
  });
  return library;
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

/** Gives each key the partition that the clients of Apache Kafka give it; kafkajs does the same with a BigInt for each step. */
export const createPartitioner: ICustomPartitioner =
  () =>
  ({ message, partitionMetadata }) =>
    (murmur2(message.key as Buffer) & 0x7fff_ffff) % partitionMetadata.length;

/** MurmurHash2 with the seed that Kafka uses. */
export function murmur2(key: Uint8Array): number {
  const { length } = key;
  const tail = length & ~3;
  let hash = 0x9747_b28c ^ length;
  for (let i = 0; i < tail; i += 4) {
    let part = key[i]! | (key[i + 1]! << 8) | (key[i + 2]! << 16) | (key[i + 3]! << 24);
    part = Math.imul(part, 0x5bd1_e995);
    part = Math.imul(part ^ (part >>> 24), 0x5bd1_e995);
    hash = Math.imul(hash, 0x5bd1_e995) ^ part;
  }
  for (let i = length - 1; i >= tail; i--) hash ^= key[i]! << (8 * (i - tail));
  if (length > tail) hash = Math.imul(hash, 0x5bd1_e995);
  hash = Math.imul(hash ^ (hash >>> 13), 0x5bd1_e995);
  return hash ^ (hash >>> 15);
}
