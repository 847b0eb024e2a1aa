import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ProtocolError, type Reply, ReplyError, ReplyReader } from './replies.js';

/** As Redis writes an answer. */
function encoded(reply: Reply): string {
  if (reply === null) return '$-1\r\n';
  if (reply instanceof ReplyError) return `-${reply.message}\r\n`;
  if (typeof reply === 'number') return `:${reply}\r\n`;
  if (typeof reply === 'string') return `$${Buffer.byteLength(reply)}\r\n${reply}\r\n`;
  return `*${reply.length}\r\n${reply.map(encoded).join('')}`;
}

describe('ReplyReader', () => {
  const word = fc.string().map((text) => text.replace(/[\r\n]/g, ''));
  const plain = fc.oneof(
    fc.string(),
    fc.integer(),
    fc.constant(null),
    word.map((text) => new ReplyError(text)),
  );
  const reply = fc.oneof(plain, fc.array(plain)) as fc.Arbitrary<Reply>;

  it('reads answers however they are cut into pieces', () => {
    fc.assert(
      fc.property(fc.array(reply), fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (replies, sizes) => {
        const bytes = Buffer.from(replies.map(encoded).join(''));
        const reader = new ReplyReader();
        const read: Reply[] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = sizes[i % sizes.length]!;
          read.push(...reader.take(bytes.subarray(at, at + size)));
          at += size;
        }
        assert.deepEqual(read, replies);
      }),
    );
  });

  it('refuses what Redis does not answer, and never fails otherwise', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        try {
          new ReplyReader().take(Buffer.from(bytes));
        } catch (error) {
          assert.ok(error instanceof ProtocolError, String(error));
        }
      }),
    );
    for (const text of ['HTTP/1.1 400 Bad Request\r\n', ':x\r\n', '$1\r\nabc', '+OK\n']) {
      assert.throws(() => new ReplyReader().take(Buffer.from(text)), ProtocolError);
    }
  });
});
