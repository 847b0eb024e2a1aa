import { putBytes, putVarint, varintSize } from '../common/index.js';
import { crc32c, murmur2 } from './hashes.js';

/** Bytes of the lengths before the key and the value of each message in a body. */
export const LENGTH_BYTES = 4;

/** Bytes of a record batch before its records. */
const HEAD_BYTES = 61;
/** What `BatchLength` counts begins behind itself. */
const LENGTH_ENDS_AT = 12;
const CRC_AT = 17;
/** The checksum covers everything from here on. */
const ATTRIBUTES_AT = 21;
const MAGIC = 2;
const GZIP = 1;
/** A record's attributes, the difference of its time, and the count of its headers: all 0. */
const FIXED_RECORD_BYTES = 3;

/** The record batch (magic 2) with the messages of one partition. */
export interface PartitionBatch {
  readonly partition: number;
  readonly bytes: Buffer;
}

/** What is written for one partition. */
interface Records {
  /** Bytes of all records. */
  size: number;
  count: number;
  buffer: Buffer;
  at: number;
}

/**
 * Makes of a body with messages, each its key and its value with their lengths before them, the record batches of a
 * Produce request. Messages keep their order. A key goes to the partition that the clients of Apache Kafka give it.
 * @param timeMs time of all messages, ms since the epoch
 * @param gzip compresses the records. Absent: they are not compressed
 */
export async function recordBatches(
  body: Buffer,
  partitionCount: number,
  timeMs: number,
  gzip?: (records: Buffer) => Promise<Buffer>,
): Promise<PartitionBatch[]> {
  const headBytes = gzip === undefined ? HEAD_BYTES : 0;
  const batches: Promise<PartitionBatch>[] = [];
  for (const [partition, { count, buffer }] of recordsOf(body, partitionCount, headBytes)) {
    batches.push(finish(partition, count, buffer));
  }
  return Promise.all(batches);

  async function finish(partition: number, count: number, buffer: Buffer): Promise<PartitionBatch> {
    if (gzip === undefined) return { partition, bytes: withHead(buffer, count, timeMs, 0) };
    const compressed = await gzip(buffer);
    const bytes = Buffer.allocUnsafe(HEAD_BYTES + compressed.length);
    compressed.copy(bytes, HEAD_BYTES);
    return { partition, bytes: withHead(bytes, count, timeMs, GZIP) };
  }
}

/** The records of each partition, behind room for the head of the batch. */
function recordsOf(body: Buffer, partitionCount: number, headBytes: number): Map<number, Records> {
  const partitions = new Map<number, Records>();
  const order: Records[] = [];
  for (let at = 0; at < body.length; ) {
    const keyAt = at + LENGTH_BYTES;
    const keyLength = body.readUInt32LE(at);
    const valueLength = body.readUInt32LE(keyAt + keyLength);
    at = keyAt + keyLength + LENGTH_BYTES + valueLength;
    const partition = (murmur2(body, keyAt, keyAt + keyLength) & 0x7fff_ffff) % partitionCount;
    let records = partitions.get(partition);
    if (records === undefined) {
      records = { size: 0, count: 0, buffer: body, at: headBytes };
      partitions.set(partition, records);
    }
    const size = recordSize(records.count++, keyLength, valueLength);
    records.size += varintSize(size * 2) + size;
    order.push(records);
  }
  for (const records of partitions.values()) {
    records.buffer = Buffer.allocUnsafe(headBytes + records.size);
    records.count = 0;
  }
  let at = 0;
  for (const records of order) at = putRecord(records, body, at);
  return partitions;
}

/** Bytes of a record behind its length. */
const recordSize = (offset: number, keyLength: number, valueLength: number): number =>
  FIXED_RECORD_BYTES +
  varintSize(offset * 2) +
  varintSize(keyLength * 2) +
  keyLength +
  varintSize(valueLength * 2) +
  valueLength;

/** Adds the message at `from`. Integers are zigzag varints, of non-negative ones twice the number. @returns where the next message begins */
function putRecord(records: Records, body: Buffer, from: number): number {
  const keyAt = from + LENGTH_BYTES;
  const keyLength = body.readUInt32LE(from);
  const keyEnd = keyAt + keyLength;
  const valueLength = body.readUInt32LE(keyEnd);
  const valueAt = keyEnd + LENGTH_BYTES;
  const valueEnd = valueAt + valueLength;
  const { buffer } = records;
  const offset = records.count++;
  let at = putVarint(buffer, records.at, recordSize(offset, keyLength, valueLength) * 2);
  buffer[at++] = 0;
  buffer[at++] = 0;
  at = putVarint(buffer, at, offset * 2);
  at = putVarint(buffer, at, keyLength * 2);
  at = putBytes(buffer, at, body, keyAt, keyEnd);
  at = putVarint(buffer, at, valueLength * 2);
  at = putBytes(buffer, at, body, valueAt, valueEnd);
  buffer[at++] = 0;
  records.at = at;
  return valueEnd;
}

/** Writes the head of a batch of a producer without an id, and the checksum of what follows. */
function withHead(bytes: Buffer, count: number, timeMs: number, attributes: number): Buffer {
  bytes.fill(0, 0, HEAD_BYTES);
  bytes.writeInt32BE(bytes.length - LENGTH_ENDS_AT, 8);
  bytes[16] = MAGIC;
  bytes.writeInt16BE(attributes, ATTRIBUTES_AT);
  bytes.writeInt32BE(count - 1, 23);
  const time = BigInt(timeMs);
  bytes.writeBigInt64BE(time, 27);
  bytes.writeBigInt64BE(time, 35);
  // Producer id, epoch and first sequence of a producer that is not idempotent.
  bytes.fill(0xff, 43, 57);
  bytes.writeInt32BE(count, 57);
  bytes.writeUInt32BE(crc32c(bytes, ATTRIBUTES_AT), CRC_AT);
  return bytes;
}
