import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  completeTypes,
  decodeMessage,
  encodeMessage,
  MESSAGE_TYPE,
  type Message,
  ProtocolError,
  type Value,
} from './message.js';

/** A type, and a value of it as it is written; variants are read without their type. */
interface Typed {
  readonly type: string;
  readonly written: Value;
  readonly read: Value;
}

const of = (type: string, values: fc.Arbitrary<number | string | boolean>): fc.Arbitrary<Typed> =>
  values.map((value) => ({ type, written: value, read: value }));
const text = fc.string({ unit: 'grapheme' }).filter((value) => !value.includes('\0'));
const simple = fc.oneof(
  of('y', fc.integer({ min: 0, max: 255 })),
  of('b', fc.boolean()),
  of('n', fc.integer({ min: -(2 ** 15), max: 2 ** 15 - 1 })),
  of('q', fc.integer({ min: 0, max: 2 ** 16 - 1 })),
  of('i', fc.integer()),
  of('u', fc.integer({ min: 0, max: 2 ** 32 - 1 })),
  of(
    'x',
    fc.maxSafeInteger().map((value) => value + 0),
  ),
  of('t', fc.maxSafeNat()),
  of('d', fc.double({ noNaN: true })),
  of('s', text),
  of('g', fc.constantFrom('', 's', 'a{sv}', '(yyyyuua(yv))')),
);
const { value: typed } = fc.letrec<{ value: Typed }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    simple,
    fc.array(tie('value'), { minLength: 1, maxLength: 3 }).map((members) => ({
      type: `(${members.map(({ type }) => type).join('')})`,
      written: members.map(({ written }) => written),
      read: members.map(({ read }) => read),
    })),
    fc.tuple(tie('value'), fc.nat(3)).map(([{ type, written, read }, count]) => ({
      type: `a${type}`,
      written: Array.from({ length: count }, () => written),
      read: Array.from({ length: count }, () => read),
    })),
    tie('value').map(({ type, written, read }) => ({ type: 'v', written: [type, written], read })),
  ),
}));

const call = { type: MESSAGE_TYPE.call, serial: 7, path: '/a', interface: 'b.c', member: 'D', destination: 'e.f' };

describe('messages of D-Bus', () => {
  it('are read as they were written, whatever their types', () => {
    fc.assert(
      fc.property(fc.array(typed, { maxLength: 4 }), (values) => {
        const signature = values.map(({ type }) => type).join('');
        const bytes = encodeMessage({ ...call, body: values.map(({ written }) => written) }, signature);
        const { message, size } = decodeMessage(bytes)!;
        assert.equal(size, bytes.length);
        assert.deepEqual(message, { ...call, body: values.map(({ read }) => read) });
      }),
    );
  });

  it('are undefined while bytes are missing, and leave what follows alone', () => {
    const bytes = encodeMessage({ ...call, body: ['Description'] }, 's');
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(decodeMessage(bytes.subarray(0, length)), undefined, String(length));
    }
    assert.equal(decodeMessage(Buffer.concat([bytes, bytes]))?.size, bytes.length);
  });

  it('of a big-endian machine are read too', () => {
    const bytes = Buffer.concat([
      Buffer.from('4202010100000008000000020000000f', 'hex'),
      Buffer.from('0501750000000007', 'hex'),
      Buffer.from('0801670001730000', 'hex'),
      Buffer.from('0000000342696700', 'hex'),
    ]);
    const { message } = decodeMessage(bytes)!;
    assert.deepEqual(message, { type: MESSAGE_TYPE.reply, serial: 2, replySerial: 7, body: ['Big'] });
  });

  it('that are anything else give a protocol error or wait for more, and nothing else', () => {
    const good = encodeMessage({ ...call, body: ['x', [['k', ['s', 'v']]]] }, 'sa{sv}');
    const damaged = fc
      .array(fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 8 })
      .map((changes) => {
        const bytes = Buffer.from(good);
        for (const [at, value] of changes) bytes[at] = value;
        return bytes;
      });
    const any = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.oneof(damaged, any), (bytes) => {
        try {
          const read: { message: Message; size: number } | undefined = decodeMessage(bytes);
          assert.ok(read === undefined || read.size <= bytes.length);
        } catch (error) {
          assert.ok(error instanceof ProtocolError, String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('larger than 16 MiB, and types nested without end, are refused', () => {
    const huge = Buffer.from('6c02000100000001010000000000000000', 'hex');
    huge.writeUInt32LE(0x7fffffff, 4);
    assert.throws(() => decodeMessage(huge), /more than 16777216/);
    assert.throws(() => completeTypes('a'.repeat(100)), /nested too deeply/);
    assert.throws(() => completeTypes('(s'), /unknown type ""/);
    assert.throws(() => completeTypes('s?'), /unknown type "\?"/);
  });
});
