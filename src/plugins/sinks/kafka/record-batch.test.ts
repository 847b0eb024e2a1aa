import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import kafkajs from 'kafkajs';
import Decoder from 'kafkajs/src/protocol/decoder.js';
import crc32COfKafkajs from 'kafkajs/src/protocol/recordBatch/crc32C/index.js';
import decodeBatch from 'kafkajs/src/protocol/recordBatch/v0/decoder.js';
import { gzipBody } from '../common/index.js';
import { crc32c, murmur2 } from './hashes.js';
import { producePayload } from './producer.js';
import { recordBatches } from './record-batch.js';

interface Message {
  readonly key: Buffer;
  readonly value: Buffer;
}

const partitionOf = kafkajs.Partitioners.DefaultPartitioner();

function bodyOf(messages: readonly Message[]): Buffer {
  const length = (bytes: Buffer) => {
    const buffer = Buffer.alloc(4);
    buffer.writeUInt32LE(bytes.length);
    return buffer;
  };
  return Buffer.concat(messages.flatMap(({ key, value }) => [length(key), key, length(value), value]));
}

/** What each partition is to get, by kafkajs’ partitioner. */
function expected(messages: readonly Message[], count: number): Map<number, Message[]> {
  const partitionMetadata = Array.from({ length: count }, () => ({ leader: 1 })) as never;
  const partitions = new Map<number, Message[]>();
  for (const message of messages) {
    const partition = partitionOf({ topic: 't', partitionMetadata, message });
    partitions.set(partition, [...(partitions.get(partition) ?? []), message]);
  }
  return partitions;
}

async function assertBatch(bytes: Buffer, messages: readonly Message[], timeMs: number): Promise<void> {
  assert.equal(bytes.readInt32BE(8), bytes.length - 12);
  assert.equal(bytes[16], 2);
  assert.equal(bytes.readUInt32BE(17), crc32COfKafkajs(bytes.subarray(21)));
  assert.equal(bytes.readBigInt64BE(43), -1n);
  assert.equal(bytes.readInt16BE(51), -1);
  assert.equal(bytes.readInt32BE(53), -1);
  const { records, ...batch } = await decodeBatch(new Decoder(bytes));
  assert.equal(batch.lastOffsetDelta, messages.length - 1);
  assert.deepEqual([batch.firstTimestamp, batch.maxTimestamp], [String(timeMs), String(timeMs)]);
  assert.deepEqual(
    records.map(({ offset, key, value }) => ({ offset, key, value })),
    messages.map(({ key, value }, offset) => ({ offset: String(offset), key, value })),
  );
}

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
const messagesOf = fc.array(fc.record({ key: bytes(70), value: bytes(300) }), { maxLength: 150 });

describe('record batches', () => {
  for (const [name, gzip] of [
    ['gzip', gzipBody],
    ['none', undefined],
  ] as const) {
    it(`are what the decoder of kafkajs reads, in the partitions of kafkajs, with compression ${name}`, async () => {
      await fc.assert(
        fc.asyncProperty(
          messagesOf,
          fc.integer({ min: 1, max: 40 }),
          fc.maxSafeInteger().map(Math.abs),
          async (messages, count, timeMs) => {
            const batches = await recordBatches(bodyOf(messages), count, timeMs, gzip);
            const wanted = expected(messages, count);
            assert.deepEqual(
              batches.map(({ partition }) => partition).sort((a, b) => a - b),
              [...wanted.keys()].sort((a, b) => a - b),
            );
            for (const { partition, bytes } of batches) await assertBatch(bytes, wanted.get(partition)!, timeMs);
          },
        ),
        { numRuns: 60 },
      );
    });
  }

  it('hold values and numbers of messages whose lengths need three bytes', async () => {
    const messages = Array.from({ length: 9_000 }, (_, i) => ({
      key: Buffer.from('k'),
      value: Buffer.from(String(i)),
    }));
    messages.push({ key: Buffer.from('k'), value: Buffer.alloc(1_100_000, 1) });
    const [batch, ...others] = await recordBatches(bodyOf(messages), 7, 1);
    assert.equal(others.length, 0);
    await assertBatch(batch!.bytes, messages, 1);
  });

  it('are not made of a body that ends within a message', async () => {
    const body = bodyOf([{ key: Buffer.from('key'), value: Buffer.from('value') }]);
    await assert.rejects(recordBatches(body.subarray(0, 5), 1, 1), RangeError);
  });
});

describe('the payload of a Produce request', () => {
  it('has the batch of each partition', () => {
    const batches = [
      { partition: 2, bytes: Buffer.from('two') },
      { partition: 0, bytes: Buffer.from('zero') },
    ];
    const payload = new Decoder(producePayload('größe', -1, 10_000, batches));
    assert.equal(payload.readString(), null);
    assert.deepEqual([payload.readInt16(), payload.readInt32()], [-1, 10_000]);
    const topics = payload.readArray((topic) => ({
      topic: topic.readString(),
      partitions: topic.readArray((one) => ({ partition: one.readInt32(), bytes: Buffer.from(one.readBytes()!) })),
    }));
    assert.deepEqual(topics, [{ topic: 'größe', partitions: batches }]);
  });
});

describe('hashes', () => {
  it('are CRC-32C as RFC 3720 gives it', () => {
    assert.equal(crc32c(Buffer.from('123456789')), 0xe306_9283);
    assert.equal(crc32c(Buffer.alloc(0)), 0);
    assert.equal(crc32c(Buffer.alloc(32)), 0x8a91_36aa);
    assert.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8_ab43);
    assert.equal(crc32c(Buffer.from(Array.from({ length: 32 }, (_, i) => i))), 0x46dd_794e);
    fc.assert(fc.property(bytes(40), (all) => assert.equal(crc32c(all), crc32COfKafkajs(all))));
  });

  it('are murmur2 as Apache Kafka’s tests give it', () => {
    for (const [text, hash] of [
      ['21', -973_932_308],
      ['foobar', -790_332_482],
      ['a-little-bit-long-string', -985_981_536],
      ['a-little-bit-longer-string', -1_486_304_829],
      ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58_897_971],
      ['abc', 479_470_107],
    ] as const) {
      const padded = Buffer.from(`..${text}...`);
      assert.equal(murmur2(padded, 2, padded.length - 3), hash, text);
    }
  });
});
