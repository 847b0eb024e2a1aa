import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { httpServer } from '../../../test/support/http-server.js';
import { loggerTo } from '../../../test/support/loggers.js';
import { type Answer, type ApiVersion, badRequest } from '../contracts/index.js';
import type { HttpServer } from './index.js';

const logged: string[] = [];
const text = (value: string): Answer => ({ contentType: 'text/plain', body: (out) => out.text(value) });
const refusing = (option: string): NonNullable<ApiVersion['validate']> => {
  return ({ query }) => {
    if (query.has(option)) throw badRequest(`no ${option} here`);
  };
};
const V1 = {
  id: 'old',
  instance: {
    version: 'v1.0',
    validate: refusing('bad'),
    requestTypes: { a: () => text('old a'), b: ({ args }) => text(`old b ${args.join(' ')}`) },
  } satisfies ApiVersion,
};
const V2 = {
  id: 'middle',
  instance: { version: 'v2.0', extends: 'v1.0', requestTypes: { a: () => text('middle a') } } satisfies ApiVersion,
};
const V3 = {
  id: 'new',
  instance: {
    version: 'v3.0-demo',
    extends: 'v2.0',
    validate: refusing('worse'),
    requestTypes: { c: () => text('new c') },
  } satisfies ApiVersion,
};

describe('API versions that extend others', () => {
  let server: HttpServer;
  const asked: string[] = [];
  afterEach(async () => {
    await server.stop(0);
    logged.length = 0;
    asked.length = 0;
  });

  async function serve(...apiVersions: { id: string; instance: ApiVersion }[]) {
    const guard = <T>(id: string, what: string, call: () => T): T => {
      asked.push(`${id} ${what}`);
      return call();
    };
    server = httpServer({ apiVersions, guard, logger: loggerTo(logged) });
    const [url] = await server.start();
    return async (path: string) => (await (await fetch(`${url}${path}`)).text()).trim();
  }

  it('serve the request types they inherit, over several levels and in any load order', async () => {
    const get = await serve(V3, V1, V2);
    assert.equal(await get('/api/v3.0-demo/c'), 'new c');
    assert.equal(await get('/api/v3.0-demo/a'), 'middle a');
    assert.equal(await get('/api/v3.0-demo/b/x/y'), 'old b x y');
    assert.equal(await get('/api/v1.0/a'), 'old a');
    assert.equal(await get('/api/'), 'Supported API versions: v1.0,v2.0,v3.0-demo');
    assert.equal(await get('/api/v3.0-demo'), 'Supported request types: "a,b,c"');
    assert.equal(await get('/api/v2.0/c'), 'unknown request type "c"');
    assert.ok(server.routes().includes('/api/v3.0-demo/b/'), server.routes().join());
    assert.deepEqual(logged, []);
  });

  it('call the plugin that defines the request type', async () => {
    const get = await serve(V1, V2, V3);
    await get('/api/v3.0-demo/b');
    await get('/api/v3.0-demo/c');
    const parts = asked.map((each) => each.split(' ', 2).join(' '));
    assert.deepEqual([...new Set(parts)], ['old /api/v3.0-demo/b', 'new /api/v3.0-demo/c']);
  });

  it('validate options by their own rules and by those of the version that defines the request type', async () => {
    const get = await serve(V1, V2, V3);
    assert.equal(await get('/api/v3.0-demo/b?bad=1'), 'no bad here');
    assert.equal(await get('/api/v3.0-demo/b?worse=1'), 'no worse here');
    assert.equal(await get('/api/v3.0-demo/c?bad=1'), 'new c');
    assert.equal(await get('/api/v3.0-demo/unknown?bad=1'), 'no bad here');
    assert.equal(await get('/api/v1.0/b?worse=1'), 'old b');
  });

  it('serve only their own request types while the base version is missing, and log it once', async () => {
    const get = await serve(V3, V1);
    const said =
      'plugin new extends API version v2.0, and no plugin serves API version v2.0: only its own request types';
    assert.equal(await get('/api/v3.0-demo/c'), 'new c');
    assert.equal(await get('/api/v3.0-demo/a'), 'unknown request type "a"');
    server.remount({ apiVersions: [V3], endpoints: [] });
    assert.deepEqual(logged, [`${said} are served`]);
    server.remount({ apiVersions: [V3, V2, V1], endpoints: [] });
    assert.equal(await get('/api/v3.0-demo/a'), 'middle a');
    assert.equal(logged.length, 1);
  });

  it('do not loop when they extend each other', async () => {
    const get = await serve({ ...V1, instance: { ...V1.instance, extends: 'v3.0-demo' } }, V2, V3);
    assert.equal(await get('/api/v1.0/c'), 'new c');
    assert.match(logged[0]!, /plugin middle extends API version v1\.0, and API version v1\.0 extends itself/);
  });
});
