import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { extract, parseMetric, type RegexMetric } from './metric.js';

const TEXT =
  'Active connections: 3 \nserver accepts handled requests 42\nratio 0.75\nbig 9223372036854775807\nzero 0\n';

function metric(regex: string, data_type = 'int'): RegexMetric {
  const parsed = parseMetric({ name: 'x', metric_type: 'gauge', units: '', data_type, regex });
  assert.ok(typeof parsed !== 'string', String(parsed));
  return parsed;
}

describe('metrics by regular expressions', () => {
  test('the first match’s first group is the value', () => {
    assert.deepEqual(extract(metric('Active connections: ([0-9]+)'), TEXT), { name: 'x', value: 3n });
    assert.deepEqual(extract(metric('ratio ([0-9.]+)', 'float'), TEXT), { name: 'x', value: 0.75 });
    assert.deepEqual(extract(metric('(?i)RATIO (?P<n>\\d+\\.\\d+)', 'float'), TEXT), { name: 'x', value: 0.75 });
  });

  test('integers are exact, and a value of 0 is a value', () => {
    assert.deepEqual(extract(metric('big (\\d+)'), TEXT), { name: 'x', value: 9223372036854775807n });
    assert.deepEqual(extract(metric('zero (\\d+)'), TEXT), { name: 'x', value: 0n });
    assert.match(String(extract(metric('(\\d+)'), '9223372036854775808')), /is not a 64-bit integer/);
  });

  test('no match, and a text that is no number, give no value and say why', () => {
    assert.match(String(extract(metric('nothing (\\d+)'), TEXT)), /matches nothing/);
    assert.match(String(extract(metric('(Active)'), TEXT)), /"Active" is not a 64-bit integer/);
    assert.match(String(extract(metric('(x)?ratio'), TEXT)), /"" is not/);
  });

  test('an expression without a group is an error of that metric', () => {
    assert.match(String(parseMetric({ name: 'x', data_type: 'int', regex: 'a+' })), /has no group/);
    assert.match(String(parseMetric({ name: 'x', data_type: 'int', regex: '(' })), /does not compile/);
    assert.match(String(parseMetric({ name: 'x', data_type: 'text', regex: '(a)' })), /data_type is int or float/);
    assert.match(String(parseMetric({ data_type: 'int', regex: '(a)' })), /no name/);
  });

  test('an expression that would backtrack for ever does not', () => {
    assert.match(String(extract(metric('((?:a+)+)$'), `${'a'.repeat(50_000)}b`)), /matches nothing/);
  });

  test('whatever a file says, there is a metric or a reason', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.jsonValue(),
          fc.record({ name: fc.string(), data_type: fc.constantFrom('int', 'float'), regex: fc.string() }),
        ),
        fc.string(),
        (input, text) => {
          const parsed = parseMetric(input);
          if (typeof parsed !== 'string') extract(parsed, text);
        },
      ),
    );
  });
});
