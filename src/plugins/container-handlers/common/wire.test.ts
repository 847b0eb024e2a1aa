import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import * as wire from './wire.js';

const inner = wire.message({ name: wire.text(1) });
const fields = wire.message({
  id: wire.text(1),
  labels: wire.textMap(2),
  words: wire.texts(3),
  inner: wire.part(4, inner),
  list: wire.parts(5, inner),
  count: wire.integer(6),
  time: wire.exactInteger(7),
  isSet: wire.truth(8),
  blob: wire.bytes(9),
});

/** The same, as protobufjs reads it. */
const { root } = protobuf.parse(`syntax = "proto3";
  message Inner { string name = 1; }
  message Outer { string id = 1; map<string, string> labels = 2; repeated string words = 3; Inner inner = 4;
    repeated Inner list = 5; int64 count = 6; int64 time = 7; bool is_set = 8; bytes blob = 9; fixed64 other = 10; }`);
const Outer = root.lookupType('Outer');

const text = fc.string({ unit: 'grapheme' });
const named = fc.record({ name: text }, { noNullPrototype: true });
// protobufjs loses a key that is called __proto__.
const key = text.filter((word) => word !== '__proto__');
const values = fc.record(
  {
    id: text,
    labels: fc.dictionary(key, text, { noNullPrototype: true }),
    words: fc.array(text),
    inner: fc.option(named, { nil: undefined }),
    list: fc.array(named),
    count: fc.maxSafeInteger(),
    time: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    isSet: fc.boolean(),
    blob: fc.uint8Array(),
  },
  { noNullPrototype: true },
);

describe('protobuf messages', () => {
  it('decode what protobufjs encoded', () => {
    fc.assert(
      fc.property(values, fc.nat(), (value, other) => {
        const { inner, ...rest } = value;
        const written = Outer.encode(
          Outer.fromObject({ ...rest, ...(inner && { inner }), time: value.time.toString(), other }),
        ).finish();
        const { blob, ...decoded } = fields.decode(written);
        assert.deepEqual({ ...decoded, blob: [...blob] }, { ...value, blob: [...value.blob] });
      }),
    );
  });

  it('are decoded by protobufjs', () => {
    fc.assert(
      fc.property(values, (value) => {
        const read = Outer.toObject(Outer.decode(fields.encode(value)), {
          longs: String,
          arrays: true,
          objects: true,
        });
        const { id, labels, words, list, inner, count, time, isSet, blob } = read;
        assert.deepEqual(
          { id, labels, words, list, inner, count, time, isSet, blob: [...blob] },
          { ...value, count: String(value.count), time: String(value.time), blob: [...value.blob] },
        );
      }),
    );
  });

  it('that are malformed or truncated are rejected or decoded in part', () => {
    const garbage = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.tuple(values, fc.nat(300)).map(([value, length]) => fields.encode(value).subarray(0, length)),
    );
    fc.assert(
      fc.property(garbage, (bytes) => {
        try {
          assert.equal(typeof fields.decode(bytes).id, 'string');
        } catch (error) {
          assert.ok(error instanceof Error && !(error instanceof assert.AssertionError), String(error));
        }
      }),
    );
  });

  it('keep any map key, `__proto__` included', () => {
    const bytes = fields.encode({ labels: Object.fromEntries([['__proto__', 'x']]) });
    assert.deepEqual(Object.entries(fields.decode(bytes).labels), [['__proto__', 'x']]);
  });

  it('return times in microseconds, and undefined for “never”', () => {
    const time = { seconds: 1_700_000_000, nanos: 123_456_789 };
    assert.equal(wire.microseconds(time), 1_700_000_000_123_456);
    assert.equal(wire.extraNanoseconds(time), 789);
    assert.equal(wire.microseconds(undefined), undefined);
    assert.equal(wire.microseconds({ seconds: -62_135_596_800, nanos: 0 }), undefined);
  });
});
