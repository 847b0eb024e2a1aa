import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseConfigText } from './document.js';

const messages = (text: string) =>
  parseConfigText(text, 'f').problems.map(({ line, column, path, message }) => `${line}:${column} ${path} ${message}`);

describe('config text', () => {
  it('gives the position of values and keys, also through aliases', () => {
    const document = parseConfigText('a: &x\n  - b: 1\n  - c: [2,\n      3]\nd: *x\n', 'f');
    assert.deepEqual(document.data, { a: [{ b: 1 }, { c: [2, 3] }], d: [{ b: 1 }, { c: [2, 3] }] });
    assert.deepEqual(document.positionOf(['a', 1, 'c', 1]), { line: 4, column: 7 });
    assert.deepEqual(document.positionOf(['a', 1, 'c'], true), { line: 3, column: 5 });
    assert.deepEqual(document.positionOf(['d', 0, 'b']), { line: 2, column: 8 });
    assert.deepEqual(document.positionOf(['a', 1, 'missing']), { line: 3, column: 5 });
    assert.deepEqual(document.positionOf([]), { line: 1, column: 1 });
  });

  it('reports all syntax errors, duplicate keys and unknown tags with their positions', () => {
    assert.deepEqual(
      messages('a: 1\nb: {c: 1, c: 2}\na: 3\n').map((text) => text.trim()),
      ['2:11  c is given twice; each option can be given once', '3:1  a is given twice; each option can be given once'],
    );
    assert.match(messages('a: !!js/function x')[0]!, /^1:4 {2}Unresolved tag/);
    assert.match(messages('a: [1')[0]!, /^1:6/);
    assert.match(messages('a: 1\n---\nb: 2')[0]!, /^2:1/);
  });

  it('rejects numbers that would lose precision or be read as octal', () => {
    assert.match(messages('a:\n  - 18446744073709551615')[0]!, /^2:5 a\[0\] 18446744073709551615 is too large/);
    assert.match(messages('{"a": {"b": -9007199254740993}}')[0]!, /a\.b -9007199254740993 is too large/);
    assert.match(messages('a: 0777')[0]!, /write 0o777/);
    assert.match(messages('a: 1e999')[0]!, /too large for a number/);
    assert.deepEqual(messages('a: [9007199254740991, "0777", 0o777, 0, 0.5, -1, 1e20, "18446744073709551615"]'), []);
  });

  it('rejects non-scalar keys, excessive depth and recursive aliases', () => {
    assert.match(messages('? [a]\n: 1')[0]!, /expected a name as key/);
    assert.match(messages('['.repeat(200) + ']'.repeat(200))[0]!, /nested too deeply/);
    for (const open of ['[', '- ', '? ', '{a: ']) assert.match(messages(open.repeat(100_000))[0]!, /nested too deeply/);
    const laughs = ['a: &a [x, x, x, x, x, x, x, x, x]'];
    for (const [from, to] of ['ab', 'bc', 'cd', 'de', 'ef']) laughs.push(`${to}: &${to} [${`*${from}, `.repeat(9)}]`);
    assert.match(messages(laughs.join('\n'))[0]!, /alias/i);
    assert.deepEqual(messages('a: &a [b, *a]'), ['1:11 a[1] *a contains itself']);
  });

  it('parses empty text as no options', () => {
    for (const text of ['', '\n', '# x', '---\n', 'null']) assert.deepEqual(parseConfigText(text, 'f').data, {});
  });

  it('never throws', () => {
    const odd = fc.string({ unit: fc.constantFrom(...'ab:-[]{},&*!|>%@`"\'#?\n\t ~<0.1\u0000\ufeff') });
    fc.assert(
      fc.property(fc.oneof(odd, fc.string({ unit: 'binary' })), (text) => {
        const document = parseConfigText(text, 'f');
        for (const { line, column } of [...document.problems, document.positionOf(['a', 0])]) {
          assert.ok(line! >= 1 && column! >= 1);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('parses JSON like JSON.parse', () => {
    const safe = fc.json({ noUnicodeString: false }).filter((text) => !text.includes('"__proto__"'));
    fc.assert(
      fc.property(safe, (text) => {
        const { data, problems } = parseConfigText(text, 'f');
        if (problems.length === 0) assert.deepEqual(data, JSON.parse(text) ?? {});
        else assert.match(problems[0]!.message, /large|1024|deep/);
      }),
    );
  });
});
