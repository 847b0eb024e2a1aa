// A stand-in for a Kafka broker, as far as a producer needs one: it names itself the leader of every partition, and acknowledges every
// batch without looking into it.
import { createServer } from 'node:net';

const [PRODUCE, METADATA, API_VERSIONS] = [0, 3, 18];
const VERSIONS = { [PRODUCE]: 7, [METADATA]: 1, [API_VERSIONS]: 2 };
const PARTITIONS = 3;

const number = (bytes) => (value) => {
  const buffer = Buffer.alloc(bytes);
  buffer.writeIntBE(value, Math.max(0, bytes - 6), Math.min(bytes, 6));
  return buffer;
};
const [int8, int16, int32, int64] = [1, 2, 4, 8].map(number);
const text = (value) => Buffer.concat([int16(value.length), Buffer.from(value)]);
const list = (items) => Buffer.concat([int32(items.length), ...items]);
const range = (count) => Array.from({ length: count }, (_, index) => index);

/** Where the fields behind the client's name begin. */
const behindName = (request) => 10 + Math.max(0, request.readInt16BE(8));

function apiVersions() {
  const ranges = Object.entries(VERSIONS).map(([key, version]) =>
    Buffer.concat([int16(Number(key)), int16(version === 7 ? 3 : 0), int16(version)]),
  );
  return Buffer.concat([int16(0), list(ranges), int32(0)]);
}

function metadata(request, port) {
  let at = behindName(request);
  const names = range(Math.max(0, request.readInt32BE(at))).map(() => {
    const length = request.readInt16BE(at + 4);
    const name = request.toString('utf8', at + 6, at + 6 + length);
    at += 2 + length;
    return name;
  });
  const partition = (index) => Buffer.concat([int16(0), int32(index), int32(1), list([int32(1)]), list([int32(1)])]);
  const topic = (name) =>
    Buffer.concat([int16(0), text(name), int8(0), list(range(PARTITIONS).map((index) => partition(index)))]);
  const broker = Buffer.concat([int32(1), text('127.0.0.1'), int32(port), int16(-1)]);
  return Buffer.concat([list([broker]), int32(1), list(names.map(topic))]);
}

function produce(request) {
  let at = behindName(request);
  at += 2 + Math.max(0, request.readInt16BE(at)) + 6;
  const take = (bytes) => {
    at += bytes;
    return bytes === 2 ? request.readInt16BE(at - 2) : request.readInt32BE(at - 4);
  };
  const topics = range(take(4)).map(() => {
    const length = take(2);
    const name = request.toString('utf8', at, at + length);
    at += length;
    const partitions = range(take(4)).map(() => {
      const index = take(4);
      at += take(4);
      return Buffer.concat([int32(index), int16(0), int64(0), int64(-1), int64(0)]);
    });
    return Buffer.concat([text(name), list(partitions)]);
  });
  return Buffer.concat([list(topics), int32(0)]);
}

/** @returns where it listens, and how to close it */
export async function startKafkaServer() {
  const server = createServer((socket) => {
    let waiting = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      waiting = Buffer.concat([waiting, chunk]);
      while (waiting.length >= 4 && waiting.length >= 4 + waiting.readInt32BE(0)) {
        const request = waiting.subarray(4, 4 + waiting.readInt32BE(0));
        waiting = waiting.subarray(4 + request.length);
        const answer = { [PRODUCE]: produce, [METADATA]: metadata, [API_VERSIONS]: apiVersions }[
          request.readInt16BE(0)
        ];
        const body = Buffer.concat([request.subarray(4, 8), answer(request, socket.localPort)]);
        socket.write(Buffer.concat([int32(body.length), body]));
      }
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  return { address: `127.0.0.1:${port}`, close: () => server.close() };
}
