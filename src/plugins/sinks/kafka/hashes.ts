/** Entry `256 k + b`: the checksum of byte b and k bytes of 0 behind it, so that four bytes are taken at a time. */
const CRC_TABLES = new Int32Array(1024);
for (let byte = 0; byte < 256; byte++) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) * 0x82f6_3b78);
  CRC_TABLES[byte] = crc;
}
for (let i = 256; i < 1024; i++) {
  const crc = CRC_TABLES[i - 256]!;
  CRC_TABLES[i] = (crc >>> 8) ^ CRC_TABLES[crc & 0xff]!;
}

/** The CRC-32C (Castagnoli) of the bytes from `from` on. */
export function crc32c(bytes: Uint8Array, from = 0): number {
  const tables = CRC_TABLES;
  const end = bytes.length;
  let crc = -1;
  let i = from;
  for (; i + 4 <= end; i += 4) {
    crc ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    crc =
      tables[768 + (crc & 0xff)]! ^
      tables[512 + ((crc >>> 8) & 0xff)]! ^
      tables[256 + ((crc >>> 16) & 0xff)]! ^
      tables[crc >>> 24]!;
  }
  for (; i < end; i++) crc = tables[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** MurmurHash2 of the bytes from `from` up to `to`, with the seed of Kafka’s clients. */
export function murmur2(bytes: Uint8Array, from = 0, to = bytes.length): number {
  const length = to - from;
  const tailAt = from + (length & ~3);
  let hash = 0x9747_b28c ^ length;
  for (let i = from; i < tailAt; i += 4) {
    let part = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    part = Math.imul(part, 0x5bd1_e995);
    part = Math.imul(part ^ (part >>> 24), 0x5bd1_e995);
    hash = Math.imul(hash, 0x5bd1_e995) ^ part;
  }
  for (let i = to - 1; i >= tailAt; i--) hash ^= bytes[i]! << (8 * (i - tailAt));
  if (to > tailAt) hash = Math.imul(hash, 0x5bd1_e995);
  hash = Math.imul(hash ^ (hash >>> 13), 0x5bd1_e995);
  return hash ^ (hash >>> 15);
}
