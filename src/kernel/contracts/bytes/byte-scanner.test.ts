import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { ByteScanner } from './byte-scanner.js';

const scan = (text: string): ByteScanner => {
  const scanner = new ByteScanner();
  const bytes = Buffer.from(text, 'latin1');
  scanner.reset(bytes, bytes.length);
  return scanner;
};

it('reads 64-bit integers exactly', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }), (expected) => {
      const scanner = scan(`${expected} `);
      assert.equal(scanner.integer(), true);
      assert.equal(BigInt(scanner.value) + BigInt(scanner.residual), expected);
      assert.equal(scanner.value, Number(expected));
      assert.equal(scanner.peek(), 0x20);
    }),
  );
});

it('reads the limits of the number ranges exactly', () => {
  const edges = [
    0n,
    1n,
    999999999999999n,
    1000000000000000n,
    2n ** 53n - 1n,
    2n ** 53n + 1n,
    2n ** 63n - 4096n,
    2n ** 64n - 1n,
  ];
  for (const edge of edges) {
    const scanner = scan(`${edge}`);
    assert.equal(scanner.integer(), true);
    assert.equal(BigInt(scanner.value) + BigInt(scanner.residual), edge);
  }
});

it('rejects text that is not a number or too long, without moving', () => {
  for (const text of ['', '-', 'x1', ' 1', '18446744073709551616', '999999999999999999999', '1'.repeat(400)]) {
    const scanner = scan(text);
    assert.equal(scanner.integer(), false, text);
    assert.equal(scanner.position, 0);
  }
});

it('reads fractions as the nearest double', () => {
  fc.assert(
    fc.property(fc.integer({ min: -1_000_000, max: 1_000_000 }), fc.integer({ min: 0, max: 99 }), (whole, cents) => {
      const text = `${whole}.${String(cents).padStart(2, '0')}`;
      const scanner = scan(text);
      assert.equal(scanner.number(), true);
      assert.equal(scanner.value, Number(text));
      assert.equal(scanner.position, text.length);
    }),
  );
  assert.equal(scan('-0.50').number(), true);
});

it('reads hexadecimal numbers', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 40 }), fc.boolean(), (expected, upper) => {
      const hex = expected.toString(16).padStart(8, '0');
      const scanner = scan(`${upper ? hex.toUpperCase() : hex}:`);
      assert.equal(scanner.hex(), true);
      assert.equal(scanner.value, expected);
      assert.equal(scanner.peek(), 0x3a);
    }),
  );
  assert.equal(scan('g').hex(), false);
});

it('skips words and lines, and matches literals', () => {
  const scanner = scan('  one two\tthree\n\nlast 5');
  assert.equal(scanner.skipWords(2), true);
  scanner.skipSpaces();
  assert.equal(scanner.literal(Buffer.from('thr')), true);
  assert.equal(scanner.literal(Buffer.from('x')), false);
  assert.equal(scanner.skipWord(), 2);
  assert.equal(scanner.skipWords(1), false);
  assert.equal(scanner.nextLine(), true);
  assert.equal(scanner.peek(), 0x0a);
  assert.equal(scanner.nextLine(), true);
  assert.equal(scanner.literal(Buffer.from('last ')), true);
  assert.equal(scanner.integer(), true);
  assert.equal(scanner.nextLine(), false);
  assert.equal(scanner.peek(), -1);
});

it('never throws, and always reaches the end', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const scanner = new ByteScanner();
      scanner.reset(bytes, bytes.length);
      let lines = 0;
      do {
        scanner.skipSpaces();
        if (!scanner.number() && !scanner.hex()) scanner.skipWord();
        assert.ok(scanner.position <= bytes.length);
        lines++;
      } while (scanner.nextLine());
      assert.equal(scanner.position, bytes.length);
      assert.ok(lines <= bytes.length + 1);
    }),
  );
});
