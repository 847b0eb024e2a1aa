import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { busy, PagesBench } from '../../../../../test/support/pages-bench.js';

describe('what pages load', () => {
  const bench = new PagesBench();
  after(() => bench.stop());

  it('are small, of the right type, revalidated, complete', async () => {
    const get = await bench.serve({ containers: [busy('/', 1, 1)] });
    const page = (await get('/containers/')).body;
    const queue = [...page.matchAll(/(?:href|src)="(\/static\/[^"]+)"/g)].map(([, path]) => path!);
    const loaded = new Map<string, number>();
    while (queue.length > 0) {
      const path = queue.pop()!;
      if (loaded.has(path)) continue;
      const { status, headers, body } = await get(path);
      assert.equal(status, 200, path);
      const type = { js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8', svg: 'image/svg+xml' };
      assert.equal(headers['content-type'], type[path.split('.').at(-1) as keyof typeof type]);
      const again = await get(path, { 'If-None-Match': `"x", W/${headers.etag}` });
      assert.deepEqual([again.status, again.body, again.headers['content-length']], [304, '', undefined]);
      assert.equal((await get(path, { 'If-None-Match': '"x"' })).status, 200);
      loaded.set(path, body.length);
      for (const [, specifier] of body.matchAll(/(?:from|import\(?)\s*"(\.[^"]+)"/g)) {
        queue.push(new URL(specifier!, `http://x${path}`).pathname);
      }
    }
    assert.ok(
      loaded.has('/static/browser/page.css') && [...loaded.keys()].some((path) => path.includes('chunk-')),
      [...loaded.keys()].join(),
    );
    assert.ok([...loaded.values()].reduce((sum, size) => sum + size, 0) < 110_000);
    assert.ok(loaded.get('/static/browser/page.js')! < 30_000, 'the charts come later');
    for (const path of [
      '/static/',
      '/static/nope.js',
      '/static/browser/tsconfig.json',
      '/static/shared/charts.js',
      '/static/browser/..%2findex.js',
    ]) {
      const { status, body } = await get(path);
      if (status !== 301) assert.deepEqual([status, body], [404, `unknown static resource "${path}"\n`]);
    }
  });
});
