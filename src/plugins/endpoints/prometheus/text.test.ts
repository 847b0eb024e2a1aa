import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { ByteWriter } from '../../../kernel/contracts/bytes/index.js';
import { escapeHelp, escapeLabelValue, floatText, writeQuotient } from './text.js';

const DIVISORS = [1, 10, 100, 1e3, 1e6, 1e9] as const;

function quotient(value: number, residual: number, divisor: number): string {
  const out = new ByteWriter(16);
  writeQuotient(out, value, residual, divisor);
  return out.buffer.toString('latin1', 0, out.length);
}

/** The exact decimal, by another way. */
function expected(exact: bigint, divisor: number): string {
  const digits = String(divisor).length - 1;
  const sign = exact < 0n ? '-' : '';
  const padded = String(exact < 0n ? -exact : exact).padStart(digits + 1, '0');
  const whole = padded.slice(0, padded.length - digits);
  const fraction = padded.slice(padded.length - digits).replace(/0+$/, '');
  return sign + whole + (fraction === '' ? '' : `.${fraction}`);
}

it('integers are printed as exact decimals for any divisor', () => {
  fc.assert(
    fc.property(fc.bigInt(-(2n ** 64n), 2n ** 64n), fc.constantFrom(...DIVISORS), (exact, divisor) => {
      const value = Number(exact);
      assert.equal(quotient(value, Number(exact - BigInt(value)), divisor), expected(exact, divisor));
    }),
    { numRuns: 2000 },
  );
});

it('printed numbers parse to the double nearest to the kernel’s number', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.constantFrom(...DIVISORS), (value, divisor) => {
      assert.equal(Number(quotient(value, 0, divisor)), value / divisor);
    }),
    { numRuns: 2000 },
  );
});

it('fractions, infinities and NaN are printed', () => {
  assert.equal(quotient(12.5, 0, 100), '0.125');
  assert.deepEqual([NaN, Infinity, -Infinity, -0.5, 1e21, 5e-9].map(floatText), [
    'NaN',
    '+Inf',
    '-Inf',
    '-0.5',
    '1e+21',
    '5e-9',
  ]);
});

it('label values are escaped and parse to the same value', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (value) => {
      const escaped = escapeLabelValue(value);
      assert.ok(!escaped.includes('\n'));
      assert.match(escaped, /^(?:[^"\\\n]|\\["\\n])*$/u);
      const back = escaped.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c));
      assert.equal(back, value.toWellFormed());
    }),
    { numRuns: 2000 },
  );
});

it('help is one line, and OpenMetrics escapes its quotes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.boolean(), (help, openMetrics) => {
      const escaped = escapeHelp(help, openMetrics);
      assert.ok(!escaped.includes('\n'));
      const back = escaped.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c));
      assert.equal(back, help.toWellFormed());
    }),
  );
  assert.equal(escapeHelp('a "b"', true), 'a \\"b\\"');
});
