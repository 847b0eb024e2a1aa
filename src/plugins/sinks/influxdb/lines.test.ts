import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { tagsText } from './lines.js';

/** Reads `,name=value…` as InfluxDB does: a backslash takes the meaning of the comma, space or `=` behind it. */
function parseTags(text: string): [string, string][] {
  const parts = text.split(/(?<!\\),/).slice(1);
  return parts.map((part) => {
    const [name, value, ...more] = part.split(/(?<!\\)=/).map((word) => word.replace(/\\([,= ])/g, '$1'));
    assert.deepEqual(more, []);
    return [name!, value!];
  });
}

describe('tags of the line protocol', () => {
  it('are read as they were, without line breaks and backslashes in the end', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'ä', ',', '=', ' ', '\\', '\n', '"', '🙂') });
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text)), (tags) => {
        const written = tagsText(tags);
        assert.ok(!/[\r\n]/.test(written) && !/(?<!\\) /.test(written), written);
        const cleaned = (word: string) => word.replace(/[\r\n]+/g, ' ').replace(/\\+$/, '');
        const expected = tags
          .map(([name, value]): [string, string] => [cleaned(name), cleaned(value)])
          .filter(([name, value]) => name !== '' && value !== '')
          // A backslash before a special character cannot be distinguished from an escape by this reader.
          .filter((words) => words.every((word) => !/\\[,= ]/.test(word)));
        if (tags.every((words) => words.every((word) => !/\\[,= \n]/.test(word)))) {
          assert.deepEqual(parseTags(written), expected);
        }
      }),
    );
  });

  it('leave out empty ones', () => {
    assert.equal(
      tagsText([
        ['a', ''],
        ['', 'b'],
        ['c', 'd e'],
      ]),
      ',c=d\\ e',
    );
  });
});
