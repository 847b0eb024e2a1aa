// The receiver of `outage.mjs`: takes remote writes on a port of its own, and counts samples that come late, twice or not at all. It goes
// away and comes back as its parent says.
import { createServer } from 'node:http';
import protobuf from 'protobufjs';

const { root } = protobuf.parse(`syntax = "proto3";
message WriteRequest { repeated TimeSeries timeseries = 1; }
message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; }
message Label { string name = 1; string value = 2; }
message Sample { double value = 1; int64 timestamp = 2; }`);
const WriteRequest = root.lookupType('WriteRequest');

/** Snappy's block format. */
function uncompressed(input) {
  let at = 0;
  const little = (bytes) => {
    const value = input.readUIntLE(at, bytes);
    at += bytes;
    return value;
  };
  let size = 0;
  for (let shift = 0, byte = 0x80; byte >= 0x80; shift += 7) {
    byte = input[at++];
    size += (byte & 0x7f) * 2 ** shift;
  }
  const out = Buffer.allocUnsafe(size);
  let length = 0;
  while (at < input.length) {
    const tag = input[at++];
    const kind = tag & 3;
    if (kind === 0) {
      const count = (tag >> 2 < 60 ? tag >> 2 : little((tag >> 2) - 59)) + 1;
      input.copy(out, length, at, at + count);
      at += count;
      length += count;
      continue;
    }
    const count = kind === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
    const offset = kind === 1 ? ((tag >> 5) << 8) | input[at++] : little(kind === 2 ? 2 : 4);
    for (let i = 0; i < count; i++, length++) out[length] = out[length - offset];
  }
  return out;
}

/** The newest sample of each series. */
const newest = new Map();
const counts = { requests: 0, samples: 0, late: 0, twice: 0, gaps: 0 };

function take(body) {
  counts.requests++;
  for (const { labels, samples } of WriteRequest.decode(uncompressed(body)).timeseries) {
    const key = labels.map(({ name, value }) => `${name}=${value}`).join();
    for (const { timestamp } of samples) {
      const time = Number(timestamp);
      const before = newest.get(key);
      counts.samples++;
      if (time === before) counts.twice++;
      else if (time < before) counts.late++;
      // The pause before the receiver comes back is simulated too.
      else if (time - before > 10_000 && time - before !== 130_000) counts.gaps++;
      newest.set(key, Math.max(time, before ?? 0));
    }
  }
}

const server = createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    take(Buffer.concat(chunks));
    response.writeHead(204).end();
  });
});
const listen = (port, answer) =>
  server.listen(port, '127.0.0.1', () => process.send(answer ?? { url: `http://127.0.0.1:${server.address().port}/` }));

listen(0);
let port = 0;
process.on('message', (text) => {
  if (text === 'go away') {
    ({ port } = server.address());
    server.closeAllConnections();
    server.close(() => process.send({}));
  } else if (text === 'come back') listen(port, {});
  else process.send({ ...counts, series: newest.size });
});
