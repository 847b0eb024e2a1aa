import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { chooseEncoding, chooseFormat, contentType, scrapeTimeout } from './negotiation.js';

const PROMETHEUS =
  'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';

it('Prometheus gets OpenMetrics, and a client without Accept gets the text format', () => {
  assert.equal(chooseFormat(PROMETHEUS), 'openMetrics');
  assert.equal(chooseFormat(undefined), 'text');
  assert.equal(chooseFormat('*/*'), 'text');
  assert.equal(chooseFormat('text/html,application/xhtml+xml,*/*;q=0.8'), 'text');
  assert.equal(chooseFormat('application/openmetrics-text; version="1.0.0"; charset=utf-8'), 'openMetrics');
  assert.equal(chooseFormat('application/openmetrics-text;version=2.0.0, text/plain'), 'text');
  assert.equal(chooseFormat('application/openmetrics-text;q=0.4, text/plain;q=0.5'), 'text');
  assert.equal(chooseFormat('application/openmetrics-text;q=0'), 'text');
});

it('the content type states the escaping of names: underscores, or none for clients that accept UTF-8', () => {
  const underscores = 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores';
  assert.equal(contentType('text', undefined), underscores);
  assert.equal(contentType('text', 'text/plain; version=0.0.4; escaping=underscores'), underscores);
  for (const unknown of ['dots', 'values', 'x', '']) {
    assert.equal(contentType('text', `text/plain; escaping=${unknown}`), underscores);
  }
  assert.equal(
    contentType('openMetrics', 'application/openmetrics-text; version=1.0.0; escaping=allow-utf-8; q=0.6'),
    'application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8',
  );
});

it('the preferred supported compression is used', () => {
  const all = ['zstd', 'gzip'] as const;
  assert.equal(chooseEncoding(undefined, all), 'identity');
  assert.equal(chooseEncoding('gzip', all), 'gzip');
  assert.equal(chooseEncoding('GZIP;q=0.5, zstd;q=0.2', all), 'gzip');
  assert.equal(chooseEncoding('gzip, zstd', all), 'zstd');
  assert.equal(chooseEncoding('gzip, zstd', ['gzip']), 'gzip');
  assert.equal(chooseEncoding('br, deflate', all), 'identity');
  assert.equal(chooseEncoding('*', ['gzip']), 'gzip');
  assert.equal(chooseEncoding('gzip;q=0, *', ['gzip']), 'identity');
  assert.equal(chooseEncoding('identity, gzip;q=0.5', all), 'identity');
  assert.equal(chooseEncoding('gzip', []), 'identity');
});

it('the scrape timeout header is parsed', () => {
  assert.equal(scrapeTimeout('10'), 10_000);
  assert.equal(scrapeTimeout('0.5'), 500);
  for (const nonsense of [undefined, '', 'x', '-1', '0', 'Infinity', 'NaN']) {
    assert.equal(scrapeTimeout(nonsense), undefined);
  }
});

it('never throws for any header', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (header) => {
      assert.ok(['text', 'openMetrics'].includes(chooseFormat(header)));
      assert.match(contentType('text', header), /; escaping=(underscores|allow-utf-8)$/);
      assert.ok(['identity', 'gzip', 'zstd'].includes(chooseEncoding(header, ['zstd', 'gzip'])));
      const timeout = scrapeTimeout(header);
      assert.ok(timeout === undefined || timeout > 0);
    }),
  );
});
