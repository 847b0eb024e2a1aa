import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { ByteTemplate, type TemplateSlot } from './byte-template.js';

const slotsOf = (text: string): TemplateSlot[] =>
  Array.from(text.matchAll(/ (\d+)/g), (match, i) => ({ at: match.index + 1, target: i }));

function read(template: ByteTemplate, text: string, count: number): number[] | undefined {
  const bytes = Buffer.from(text);
  const values = new Float64Array(count);
  return template.match(bytes, bytes.length, values, new Int16Array(count)) ? [...values] : undefined;
}

const make = (text: string) => new ByteTemplate(Buffer.from(text), text.length, slotsOf(text));

it('reads the numbers of a file of the same shape, whatever their width', () => {
  const template = make('254:0 Read 1\n254:0 Write 22\nTotal 23\n');
  assert.deepEqual(read(template, '254:0 Read 512\n254:0 Write   0\nTotal 512\n', 3), [512, 0, 512]);
});

it('does not match a file with another device, a line more or less, or a truncated one', () => {
  const template = make('254:0 Read 1\n254:0 Write 22\n');
  for (const other of [
    '254:1 Read 1\n254:0 Write 22\n',
    '254:0 Read 1\n254:0 Write 22\n8:0 Read 1\n',
    '254:0 Read 1\n',
    '254:0 Read 1\n254:0 Write',
    '254:0 Read 1\n254:0 Write 22',
    '',
  ]) {
    assert.equal(read(template, other, 2), undefined, other);
  }
});

it('ignores the content of skipped words', () => {
  const text = '8:0 vrate=100.00 usage=5\n';
  const template = new ByteTemplate(Buffer.from(text), text.length, [
    { at: text.indexOf('100'), target: -1 },
    { at: text.indexOf('5'), target: 0 },
  ]);
  assert.deepEqual(read(template, '8:0 vrate=max usage=7\n', 1), [7]);
});

it('keeps its own copy of the bytes', () => {
  const bytes = Buffer.from('a 1\n');
  const template = new ByteTemplate(bytes, bytes.length, slotsOf('a 1\n'));
  bytes.fill(0);
  assert.deepEqual(read(template, 'a 9\n', 1), [9]);
});

it('matches the text that it was made of, and never throws for other bytes', () => {
  const word = fc.stringMatching(/^[a-z:]{1,6}$/);
  const line = fc.tuple(word, fc.array(fc.nat(), { minLength: 1, maxLength: 4 }));
  fc.assert(
    fc.property(fc.array(line, { maxLength: 6 }), fc.uint8Array({ maxLength: 100 }), (lines, noise) => {
      const text = lines.map(([name, numbers]) => `${name} ${numbers.join(' ')}\n`).join('');
      const expected = lines.flatMap(([, numbers]) => numbers);
      assert.deepEqual(read(make(text), text, expected.length), expected);
      make(text).match(noise, noise.length, new Float64Array(expected.length), new Int16Array(expected.length));
    }),
  );
});
