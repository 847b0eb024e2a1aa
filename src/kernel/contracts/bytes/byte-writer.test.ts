import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { ByteWriter, quoteJson } from './byte-writer.js';

function written(write: (out: ByteWriter) => void): string {
  const out = new ByteWriter(8);
  write(out);
  return out.buffer.toString('utf8', 0, out.length);
}

it('prints integers exactly over the whole u64 and i64 range', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }), (exact) => {
      const value = Number(exact);
      assert.equal(
        written((out) => out.integer(value, Number(exact - BigInt(value)))),
        exact.toString(),
      );
    }),
  );
  fc.assert(fc.property(fc.maxSafeInteger(), (value) => written((out) => out.integer(value)) === String(value)));
  assert.equal(
    written((out) => out.integer(Number.NaN)),
    '0',
  );
});

it('prints times in ISO 8601 without trailing zeros of the fraction', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4_000_000_000_000_000 }), (micros) => {
      const text = JSON.parse(written((out) => out.time(micros))) as string;
      const [seconds, fraction = ''] = text.slice(0, -1).split('.');
      assert.ok(!fraction.endsWith('0'));
      assert.equal(Date.parse(`${seconds}Z`) * 1000 + Number(fraction.padEnd(6, '0')), micros);
    }),
  );
  assert.equal(
    written((out) => out.time(0)),
    '"0001-01-01T00:00:00Z"',
  );
});

it('prints the nanoseconds of a time without trailing zeros', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4_000_000_000_000_000 }),
      fc.integer({ min: 0, max: 999 }),
      (micros, extraNs) => {
        const [, seconds, fraction = ''] = /^"(.*?)(?:\.(\d+))?Z"$/.exec(written((out) => out.time(micros, extraNs)))!;
        assert.ok(!fraction.endsWith('0') && fraction.length <= 9);
        const nanoseconds = BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
        assert.equal(nanoseconds, BigInt(micros) * 1000n + BigInt(extraNs));
      },
    ),
  );
});

it('prints strings that JSON.parse reads back, without raw <, > or &', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const json = quoteJson(text);
      assert.equal(JSON.parse(json), text.toWellFormed());
      assert.ok(!/[<>&\u2028\u2029]/.test(json));
    }),
  );
});

it('prints objects with exact BigInts and without undefined members', () => {
  assert.equal(
    written((out) => out.json({ a: 18446744073709551615n, b: undefined, c: ['<', null, 1.5] })),
    '{"a":18446744073709551615,"c":["\\u003c",null,1.5]}',
  );
});
