// The receiver of `outage.mjs`: takes remote writes on a port of its own, and counts samples that come late, twice or not at all. It goes
// away and comes back as its parent says.
import { createServer } from 'node:http';

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

/** The newest sample of each series, by the bytes of its labels. */
const newest = new Map();
const counts = { requests: 0, samples: 0, late: 0, twice: 0, gaps: 0 };
const LABELS = 0x0a;
const SAMPLES = 0x12;
/** Tag and length of a sample, its value with the tag, the tag of its time. */
const BEFORE_TIME = 2 + 9 + 1;

/** The varint at a place, and where it ends. */
function varintAt(bytes, at) {
  let value = 0;
  for (let scale = 1, byte = 0x80; byte >= 0x80; scale *= 128) {
    byte = bytes[at++];
    value += (byte & 0x7f) * scale;
  }
  return [value, at];
}

/** Reads as much of the request as is asked about here: the series have labels first, and one sample. */
function take(body) {
  counts.requests++;
  const bytes = uncompressed(body);
  for (let at = 0; at < bytes.length; ) {
    const [length, start] = varintAt(bytes, at + 1);
    at = start + length;
    let label = start;
    while (bytes[label] === LABELS) {
      const [size, text] = varintAt(bytes, label + 1);
      label = text + size;
    }
    if (bytes[label] !== SAMPLES) throw new Error(`no sample behind the labels, but ${bytes[label]}`);
    const [time, end] = varintAt(bytes, label + BEFORE_TIME);
    if (end !== at) throw new Error('more than one sample');
    count(bytes.latin1Slice(start, label), time);
  }
}

function count(key, time) {
  const before = newest.get(key);
  counts.samples++;
  if (time === before) counts.twice++;
  else if (time < before) counts.late++;
  // The pause before the receiver comes back is simulated too.
  else if (time - before > 10_000 && time - before !== 130_000) counts.gaps++;
  newest.set(key, Math.max(time, before ?? 0));
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
