import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { datagramsOf, tagsText } from './encoder.js';

describe('datagramsOf', () => {
  it('splits between lines, and exceeds the size only by a line that is longer', () => {
    const line = fc.string({ minLength: 1, maxLength: 30 }).map((text) => text.replaceAll('\n', '.'));
    fc.assert(
      fc.property(fc.array(line, { minLength: 1 }), fc.integer({ min: 1, max: 60 }), (lines, size) => {
        const datagrams = datagramsOf(Buffer.from(lines.map((text) => `${text}\n`).join('')), size);
        const texts = datagrams.map((datagram) => Buffer.from(datagram).toString());
        assert.deepEqual(texts.join('\n').split('\n'), lines);
        for (const text of texts) assert.ok(Buffer.byteLength(text) <= size || !text.includes('\n'), text);
        for (const [i, text] of texts.entries()) {
          const next = texts[i + 1]?.split('\n')[0];
          if (next !== undefined) assert.ok(Buffer.byteLength(`${text}\n${next}`) > size, 'there was room for more');
        }
      }),
    );
  });
});

describe('tags of DogStatsD', () => {
  it('hold nothing that ends them', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (name, value) => {
        const [first, ...more] = tagsText([[name, value]])
          .slice(2)
          .split(',');
        assert.deepEqual(more, []);
        assert.ok(!/[|#\s]/.test(first!), first);
      }),
    );
  });

  it('are none without labels', () => assert.equal(tagsText([]), ''));
});
