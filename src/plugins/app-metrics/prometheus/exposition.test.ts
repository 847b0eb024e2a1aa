import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Exposition, parseAnswer, parseExposition } from './exposition.js';

const parse = (text: string, openMetrics = false, maxSamples = 1000): Exposition =>
  parseExposition(text, { openMetrics, maxSamples });

/** Samples as `name{key="value"} value @time`. */
const shown = (text: string, openMetrics = false): string[] =>
  parse(text, openMetrics).samples.map(({ name, labels, value, time }) => {
    const pairs = Object.entries(labels ?? {}).map(([key, label]) => `${key}=${JSON.stringify(label)}`);
    return `${name}{${pairs.join(',')}} ${value}${time === undefined ? '' : ` @${time}`}`;
  });

describe('Prometheus text format', () => {
  it('parses samples with and without labels, and blanks where they are allowed', () => {
    const text = 'a 1\n  b{ x = "1" , y="2", }  2.5e3  \nc{} .5\r\n\nd\t-7\n';
    assert.deepEqual(shown(text), ['a{} 1', 'b{x="1",y="2"} 2500', 'c{} 0.5', 'd{} -7']);
  });

  it('parses infinities and NaN', () => {
    assert.deepEqual(shown('a +Inf\nb -Inf\nc NaN\nd inf\n'), [
      'a{} Infinity',
      'b{} -Infinity',
      'c{} NaN',
      'd{} Infinity',
    ]);
  });

  it('unescapes label values and help texts', () => {
    const text = '# HELP a one\\\\two\\nthree\n# TYPE a gauge\na{x="q\\"b\\\\n\\n,}{#"} 1\n';
    assert.deepEqual(shown(text), ['a{x="q\\"b\\\\n\\n,}{#"} 1']);
    assert.equal(parse(text).families[0]!.help, 'one\\two\nthree');
  });

  it('parses times in milliseconds, and in seconds for OpenMetrics', () => {
    assert.deepEqual(shown('a 1 1395066363000\n'), ['a{} 1 @1395066363000000']);
    assert.deepEqual(shown('a 1 1395066363.5\n# EOF\n', true), ['a{} 1 @1395066363500000']);
  });

  it('parses quoted UTF-8 names inside the braces', () => {
    assert.deepEqual(shown('{"my.metric é","a b"="c"} 1\n{"x"} 2\n'), ['my.metric é{a b="c"} 1', 'x{} 2']);
  });

  it('groups the samples of a histogram or summary into one family', () => {
    const text =
      '# TYPE h histogram\nh_bucket{le="+Inf"} 4\nh_sum 1.5\nh_count 4\n# TYPE s summary\ns{quantile="0.5"} 1\ns_sum 2\ns_count 3\nh_other 1\n';
    const families = parse(text).families.map(({ name, type }) => `${name} ${type}`);
    assert.deepEqual(families, ['h histogram', 's summary', 'h_other untyped']);
  });

  it('lists a family without its samples when only the family is requested', () => {
    const text =
      '# TYPE h histogram\nh_bucket{le="+Inf"} 4\nh_count 4\n# TYPE none histogram\n# TYPE b gauge\nb 1\nc 2\n';
    const named = (...names: string[]) => {
      const isNamed = (name: string) => names.includes(name);
      const options = { openMetrics: false, wanted: isNamed, isListed: isNamed, maxSamples: 10 };
      const { families, samples } = parseExposition(text, options);
      return [families.map(({ name }) => name), samples.map(({ name }) => name)];
    };
    assert.deepEqual(named('h', 'b', 'none'), [['h', 'b'], ['b']]);
    assert.deepEqual(named('h_bucket'), [['h'], ['h_bucket']]);
  });

  it('parses units, `_total`, `_created` and exemplars of OpenMetrics, and ignores text after `# EOF`', () => {
    const text =
      '# TYPE a counter\n# UNIT a seconds\na_total{x="1"} 3 # {trace_id="# }"} 0.5 1.2\na_created 12\n# TYPE i info\ni_info{v="1"} 1\n# EOF\nb 1\n';
    const { families, truncated, malformed } = parse(text, true);
    assert.deepEqual(
      families.map(({ name, type, unit }) => [name, type, unit]),
      [
        ['a', 'counter', 'seconds'],
        ['i', 'info', ''],
      ],
    );
    assert.deepEqual(shown(text, true), ['a_total{x="1"} 3', 'a_created{} 12', 'i_info{v="1"} 1']);
    assert.deepEqual([truncated, malformed], [false, 0]);
    assert.equal(parse('a 1\n', true).truncated, true);
  });

  it('skips malformed lines, and reports the first', () => {
    const bad = [
      'a',
      'a{x="1"',
      'a{x=1} 1',
      'a{="1"} 1',
      'a b',
      'a 1 x',
      'a 1 2 3',
      'a+1',
      '{} 1',
      'é 1',
      'a{__proto__="1"} 1',
      'a 0x10',
    ];
    for (const line of bad) {
      const { samples, malformed, firstMalformed } = parse(`ok 1\n${line}\nfine 2\n`);
      assert.deepEqual([samples.length, malformed, firstMalformed?.startsWith('line 2: ')], [2, 1, true], line);
    }
  });

  it('counts samples beyond the limit', () => {
    const { samples, surplus } = parse('a 1\nb 2\nc 3\n', false, 2);
    assert.deepEqual([samples.length, surplus], [2, 1]);
  });
});

describe('the parser of answers', () => {
  const MIB = 1024 * 1024;
  const options = { openMetrics: false, maxSamples: 1000 };
  const answer = async (text: string, over: object = {}) =>
    (await parseAnswer(Buffer.from(text), { ...options, ...over })).exposition;

  it('gives the same result for any split into pieces', async () => {
    const lines = fc.array(
      fc.constantFrom('a 1', 'é{x="é"} 2', '# HELP a é', 'bad', '', `b{x="${'é'.repeat(3000)}"} 1`),
      {
        maxLength: 40,
      },
    );
    await fc.assert(
      fc.asyncProperty(lines, fc.boolean(), async (parts, openMetrics) => {
        const text = parts.join('\n');
        assert.deepEqual(await answer(text, { openMetrics }), parse(text, openMetrics));
      }),
      { numRuns: 50 },
    );
  });

  it('lets the event loop run while it parses a large answer', async () => {
    let turns = 0;
    let done = false;
    const turn = (): void => {
      turns++;
      if (!done) setImmediate(turn);
    };
    setImmediate(turn);
    await answer('# HELP a b\n'.repeat((4 * MIB) / 11));
    done = true;
    assert.ok(turns >= 3, String(turns));
  });

  it('skips and counts lines beyond the length limit', async () => {
    const labels = Array.from({ length: 300_000 }, (_, i) => `l${i}=""`).join(',');
    const long = await answer(`a 1\nlong{${labels}} 1\nb 2\n`);
    assert.deepEqual([long.samples.map(({ name }) => name), long.surplus, long.malformed], [['a', 'b'], 1, 0]);
    const help = await answer(`# HELP a ${'é'.repeat(2 * MIB)}\na 1\n`);
    assert.ok(help.families[0]!.help.length < 10_000);
    assert.equal(help.samples.length, 1);
  });

  it('limits the number of families and counts the samples of others', async () => {
    const text = Array.from({ length: 12_000 }, (_, i) => `n${i} 1\n`).join('');
    const { samples, surplus } = await answer(text, { maxSamples: 20_000 });
    assert.deepEqual([samples.length, surplus], [10_000, 2000]);
  });
});

describe('the parser of expositions', () => {
  const name = fc.stringMatching(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,8}$/);
  const label = fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,8}$/).filter((key) => key !== '__proto__');
  const value = fc.oneof(fc.double(), fc.integer());
  const escaped = (text: string) => text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n').replace(/"/g, '\\"');
  const written = (number: number) =>
    Number.isFinite(number) ? String(number) : number > 0 ? '+Inf' : number < 0 ? '-Inf' : 'NaN';

  it('reads what was written', () => {
    const series = fc.record({ name, labels: fc.dictionary(label, fc.string({ unit: 'grapheme' })), value });
    fc.assert(
      fc.property(fc.array(series), (all) => {
        const lines = all.map((one) => {
          const pairs = Object.entries(one.labels).map(([key, text]) => `${key}="${escaped(text)}"`);
          return `${one.name}{${pairs.join(',')}} ${written(one.value)}\n`;
        });
        const { samples, malformed } = parse(lines.join(''));
        assert.equal(malformed, 0);
        assert.deepEqual(
          samples.map((sample) => ({ ...sample, labels: { ...sample.labels }, value: Number(sample.value) + 0 })),
          all.map((one) => ({ name: one.name, labels: { ...one.labels }, value: one.value + 0 })),
        );
      }),
    );
  });

  it('never throws', () => {
    const token = fc.constantFrom(
      'a',
      '{',
      '}',
      '"',
      '\\',
      ',',
      '=',
      ' ',
      '\n',
      '\r',
      '#',
      '1',
      'NaN',
      'TYPE',
      'HELP',
      'EOF',
      'é',
      '\0',
      '\t',
    );
    const texts = fc.oneof(
      fc.array(token, { maxLength: 60 }).map((parts) => parts.join('')),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(texts, fc.boolean(), (text, openMetrics) => {
        const { samples, malformed } = parse(text, openMetrics);
        assert.ok(samples.length + malformed <= text.split('\n').length);
      }),
      { numRuns: 1000 },
    );
  });
});
