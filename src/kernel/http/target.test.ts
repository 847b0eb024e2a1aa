import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { cleanPath, locationOf, parseTarget } from './target.js';

it('request targets are decoded, or redirected to their clean form', () => {
  const moved = (target: string) => {
    const result = parseTarget(target);
    return result.kind === 'moved' ? result.location : `${result.kind}`;
  };
  assert.deepEqual(parseTarget('/api/v1.3/containers/a%20b?x=1'), {
    kind: 'path',
    path: '/api/v1.3/containers/a b',
    query: 'x=1',
  });
  assert.deepEqual(parseTarget('http://host:1/api/'), { kind: 'path', path: '/api/', query: '' });
  assert.deepEqual(parseTarget('http://host'), { kind: 'path', path: '/', query: '' });
  assert.equal(moved('/api//machine?a=b&c'), '/api/machine?a=b&c');
  assert.equal(moved('/api/v1.3/containers/%2e%2e/%2e%2e/etc/passwd'), '/api/etc/passwd');
  assert.equal(moved('/api/v2.0/stats/..%2f..%2fetc/passwd'), '/api/etc/passwd');
  assert.equal(moved('/a/./b/'), '/a/b/');
  assert.equal(moved('//evil.example/x'), '/evil.example/x');
  for (const target of ['*', 'api', '/%zz', '/%', '/a%4']) assert.equal(parseTarget(target).kind, 'malformed', target);
});

it('a cleaned path stays the same when cleaned again, and its location parses to it', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constantFrom('.', '..', '', '%2e'), fc.string({ unit: 'grapheme' }))), (parts) => {
      const clean = cleanPath(`/${parts.join('/')}`.toWellFormed());
      assert.equal(cleanPath(clean), clean);
      assert.ok(clean.startsWith('/') && !clean.includes('//'));
      assert.ok(!clean.split('/').some((segment) => segment === '..' || segment === '.'));
      const again = parseTarget(locationOf(clean, ''));
      assert.deepEqual(again, { kind: 'path', path: clean, query: '' });
    }),
  );
});

it('parseTarget never throws', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const result = parseTarget(text);
      if (result.kind === 'path') assert.equal(cleanPath(result.path), result.path);
    }),
    { numRuns: 2000 },
  );
});
