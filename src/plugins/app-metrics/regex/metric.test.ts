import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compileRegex, firstGroup, metricTitle, parseMetric, sampleOf } from './metric.js';
import { regexOptions } from './options.js';

const TEXT =
  'Active connections: 3 \nserver accepts handled requests 42\nratio 0.75\nbig 9223372036854775807\nzero 0\n';

function found(regex: string, text = TEXT, format: 'int' | 'float' = 'int') {
  const pattern = compileRegex(regex);
  assert.ok(typeof pattern !== 'string', String(pattern));
  return sampleOf({ name: 'x', type: 'gauge', units: '', format }, firstGroup(pattern, text));
}

describe('metrics by regular expressions', () => {
  it('uses the first group of the first match', () => {
    assert.deepEqual(found('Active connections: ([0-9]+)'), { name: 'x', value: 3n });
    assert.deepEqual(found('ratio ([0-9.]+)', TEXT, 'float'), { name: 'x', value: 0.75 });
    assert.deepEqual(found('(?i)RATIO (?P<n>\\d+\\.\\d+)', TEXT, 'float'), { name: 'x', value: 0.75 });
  });

  it('keeps integers exact, and accepts 0', () => {
    assert.deepEqual(found('big (\\d+)'), { name: 'x', value: 9223372036854775807n });
    assert.deepEqual(found('zero (\\d+)'), { name: 'x', value: 0n });
    assert.match(String(found('(\\d+)', '9223372036854775808')), /is not a 64-bit integer/);
  });

  it('gives a reason when there is no match or no number', () => {
    assert.match(String(found('nothing (\\d+)')), /matches nothing/);
    assert.match(String(found('(Active)')), /"Active" is not a 64-bit integer/);
    assert.match(String(found('(x)?ratio')), /"" is not/);
  });

  it('rejects an invalid expression without quoting it', () => {
    const refused = (regex: string) => String(compileRegex(regex));
    assert.match(refused('a+'), /has no group/);
    assert.match(refused('(SECRET'), /^its regex does not compile: missing closing \)$/);
    assert.doesNotMatch(refused('(\\p{SECRET})'), /SECRET/);
    assert.match(refused(`(${'a'.repeat(2000)})`), /longer than 2000 characters/);
    assert.match(refused('(?i)(\\pL{1,900}b)'), /too large: it compiles to \d+ instructions, limit: 1000/);
    const metrics = [{ name: 'x', regex: 'a+' }];
    const targets = [{ name: 'page', match: { cgroups: ['/**'] }, port: 80, metrics }];
    assert.match(String(regexOptions.safeParse({ targets }).error), /its regex has no group/);
  });

  it('reports an invalid metric as an error of that metric', () => {
    assert.match(
      String(parseMetric({ name: 'x', data_type: 'SECRET', regex: '(a)' })),
      /^data_type is neither int nor float$/,
    );
    assert.match(String(parseMetric({ data_type: 'int', regex: '(a)' })), /no name/);
    assert.match(String(parseMetric({ name: 'x', data_type: 'int' })), /no regex/);
  });

  it('names a metric in messages by its name if it is valid, else by its index', () => {
    assert.equal(metricTitle('nginx.active:sum', 3), 'metric "nginx.active:sum"');
    for (const name of [undefined, 7, '', 'pass word', '\u001b[2J', 'x'.repeat(101)])
      assert.equal(metricTitle(name, 3), 'metric 4');
  });

  it('does not backtrack exponentially', () => {
    assert.match(String(found('((?:a+)+)$', `${'a'.repeat(50_000)}b`)), /matches nothing/);
  });

  it('any input gives a metric or a reason', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.jsonValue(),
          fc.record({ name: fc.string(), data_type: fc.constantFrom('int', 'float'), regex: fc.string() }),
        ),
        fc.string(),
        (input, text) => {
          const parsed = parseMetric(input);
          if (typeof parsed === 'string') return;
          const pattern = compileRegex(parsed.regex);
          if (typeof pattern !== 'string') sampleOf(parsed.spec, firstGroup(pattern, text));
        },
      ),
    );
  });
});
