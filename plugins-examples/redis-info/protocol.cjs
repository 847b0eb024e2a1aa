const { CollectionError } = require('tallyman/plugin');

/** INFO has some kilobytes; a server with very many commands or clients some hundred. */
const LARGEST = 1024 * 1024;
/** Of a line: an error, or the length of what follows. */
const LONGEST_LINE = 1024;

/**
 * What Redis answers to a command: a text, or an error.
 * @typedef {{ readonly text: string } | { readonly error: string }} Reply
 */

/**
 * Sends commands and waits for all their answers.
 * @param {import('node:stream').Duplex} stream
 * @param {readonly (readonly string[])[]} commands
 * @returns {Promise<Reply[]>}
 */
async function ask(stream, commands) {
  stream.write(Buffer.concat(commands.map(encode)));
  /** @type {Reply[]} */
  const replies = [];
  let received = Buffer.alloc(0);
  let wanted = 1;
  const chunks = [];
  let length = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    length += chunk.length;
    if (length < wanted) continue;
    received = Buffer.concat(chunks.splice(0));
    for (;;) {
      const reply = decode(received);
      if ('wanted' in reply) {
        wanted = reply.wanted;
        break;
      }
      if (replies.push(reply.reply) === commands.length) return replies;
      received = received.subarray(reply.length);
    }
    chunks.push(received);
    length = received.length;
  }
  throw new CollectionError('the connection was closed before Redis had answered');
}

/**
 * A command as a list of texts with their lengths: whatever is in them stays in its place.
 * @param {readonly string[]} words
 */
function encode(words) {
  const texts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
  return Buffer.from(`*${words.length}\r\n${texts.join('')}`);
}

/**
 * Reads one reply from the beginning of what was received.
 * @param {Buffer} bytes
 * @returns {{ reply: Reply, length: number } | { wanted: number }} `wanted`: so many bytes are needed to read on
 * @throws {CollectionError} when it is none
 */
function decode(bytes) {
  if (bytes.length === 0) return { wanted: 1 };
  const kind = String.fromCharCode(bytes[0]);
  if (!'+-$:'.includes(kind)) throw new CollectionError(`what answers is not Redis: ${begin(bytes)}`);
  const end = bytes.subarray(0, LONGEST_LINE).indexOf('\r\n');
  if (end < 0) {
    if (bytes.length >= LONGEST_LINE) throw new CollectionError(`what answers is not Redis: ${begin(bytes)}`);
    return { wanted: bytes.length + 1 };
  }
  const line = bytes.toString('utf8', 1, end);
  if (kind === '-') return { reply: { error: line }, length: end + 2 };
  if (kind !== '$') return { reply: { text: line }, length: end + 2 };
  if (!/^\d{1,9}$/.test(line)) throw new CollectionError(`what answers is not Redis: ${begin(bytes)}`);
  const size = Number(line);
  if (size > LARGEST) throw new CollectionError(`the answer has ${size} bytes; ${LARGEST} are read at most`);
  const length = end + 2 + size + 2;
  if (bytes.length < length) return { wanted: length };
  return { reply: { text: bytes.toString('utf8', end + 2, length - 2) }, length };
}

/** @param {Buffer} bytes */
const begin = (bytes) => `it said ${JSON.stringify(bytes.toString('utf8', 0, 60))}`;

module.exports = { ask };
