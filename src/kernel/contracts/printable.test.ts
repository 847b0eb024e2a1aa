import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { printable } from './errors.js';

describe('printable', () => {
  it('keeps text, tabs and line ends', () => {
    const text = '/system.slice/é\t🐳 12 %\n';
    assert.equal(printable(text), text);
  });

  it('escapes control characters and bidirectional marks', () => {
    assert.equal(
      printable('a\u001b[2Jb\u009bc\u202ed\re\u007f\0'),
      'a\\u001b[2Jb\\u009bc\\u202ed\\u000de\\u007f\\u0000',
    );
  });

  it('does not change the value of JSON', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 0xffff })), (codes) => {
        const text = String.fromCharCode(...codes);
        const json = printable(JSON.stringify(text));
        assert.equal(JSON.parse(json), text);
        assert.doesNotMatch(json, /\p{Cc}/u);
      }),
    );
  });
});
