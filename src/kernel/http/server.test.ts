import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer as createNetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { get, HttpBench, httpServer, pieces } from '../../../test/support/http-server.js';
import { overSocket } from '../../../test/support/over-socket.js';
import { type Answer, badRequest, type Endpoint, notFound, type RequestHandler } from '../contracts/index.js';

const text = (value: string): Answer => ({ body: (out) => out.string(value) });
const echo: RequestHandler = async (request) => ({
  body: (out) =>
    out.json({
      ...request,
      query: request.query.toString(),
      header: undefined,
      authenticated: undefined,
      text: undefined,
      signal: undefined,
    }),
});
const requestTypes: Record<string, RequestHandler> = {
  echo,
  bad: () => {
    throw badRequest('a bad\nthing');
  },
  missing: async () => {
    throw notFound('not here');
  },
  throws: () => {
    throw new Error('broken handler');
  },
  rejects: () => Promise.reject(new Error('broken promise')),
  badBody: () => ({
    body: () => {
      throw new Error('broken body');
    },
  }),
  noAnswer: () => undefined as unknown as Answer,
  badStatus: () => ({ status: 42, body: () => {} }),
  breaks: (request) => pieces(Number(request.query.get('pieces')), 'broken stream'),
};
const sync = () => text('sync');

const bench = new HttpBench({
  apiVersions: [
    { id: 'v2', instance: { version: 'v2.0', requestTypes } },
    {
      id: 'v10',
      instance: {
        version: 'v10.0',
        validate: (request) => {
          if (request.query.has('refuse')) throw badRequest('refused');
        },
        requestTypes: { b: sync, a: sync },
      },
    },
  ],
  endpoints: [{ id: 'pages', instance: { routes: { '/exact': echo, '/tree/': echo, '/api/extra': echo } } }],
});
after(() => bench.stop());

it('API paths list versions and types, reject unknown ones, and validate options first', async () => {
  const { url } = await bench.serve();
  assert.deepEqual(await get(`${url}/api/`), [400, 'Supported API versions: v2.0,v10.0\n']);
  for (const path of ['/api/v10.0', '/api/v10.0/']) {
    assert.deepEqual(await get(url + path), [400, 'Supported request types: "a,b"\n']);
  }
  assert.deepEqual(await get(`${url}/api/v9.9/x`), [400, 'unsupported API version "v9.9"\n']);
  assert.deepEqual(await get(`${url}/api/V10.0/a`), [400, 'unsupported API version "V10.0"\n']);
  assert.deepEqual(await get(`${url}/api/v10.0/c/d`), [400, 'unknown request type "c"\n']);
  assert.deepEqual(await get(`${url}/api/v10.0/A`), [400, 'unknown request type "A"\n']);
  assert.deepEqual(await get(`${url}/api/v10.0/c?refuse`), [400, 'refused\n']);
  assert.deepEqual(await get(`${url}/api/v10.0/a?refuse`), [400, 'refused\n']);
  const response = await fetch(`${url}/api/v10.0/c`);
  assert.equal(response.headers.get('content-type'), 'text/plain; charset=utf-8');
  assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
});

it('handlers get the same request for every method', async () => {
  const { url } = await bench.serve();
  const seen = async (path: string, init?: RequestInit) => JSON.parse((await get(url + path, init))[1]);
  const expected = { method: 'GET', args: ['a', 'b c'], containerName: '/a/b c', basePath: '', query: 'x=1&x=2' };
  assert.deepEqual(await seen('/api/v2.0/echo/a%2Fb%20c/?x=1&x=2'), expected);
  assert.deepEqual(await seen('/api/v2.0/echo', { method: 'DELETE' }), {
    method: 'DELETE',
    args: [],
    containerName: '/',
    basePath: '',
    query: '',
  });
  assert.deepEqual((await seen('/exact')).args, []);
  assert.deepEqual((await seen('/tree/x/y')).args, ['x', 'y']);
  assert.deepEqual((await seen('/api/extra')).args, []);
  assert.deepEqual(await get(`${url}/api/v2.0/echo`, { method: 'HEAD' }), [200, '']);
});

it('healthz, directories and redirects are served below the URL prefix', async () => {
  const { url } = await bench.serve({ urlBasePrefix: '/pre' });
  const location = async (path: string, init?: RequestInit) => {
    const response = await fetch(url + path, { redirect: 'manual', ...init });
    return [response.status, response.headers.get('location'), await response.text()];
  };
  assert.deepEqual(await get(`${url}/pre/healthz`), [200, 'ok']);
  assert.deepEqual(await get(`${url}/pre/healthz`, { method: 'PUT', body: 'x' }), [200, 'ok']);
  assert.deepEqual(await get(`${url}/healthz`), [404, '404 page not found\n']);
  assert.equal(JSON.parse((await get(`${url}/pre/api/v2.0/echo`))[1]).basePath, '/pre');
  assert.deepEqual(await get(`${url}/prefix`), [404, '404 page not found\n']);
  assert.deepEqual(await location('/pre'), [301, '/pre/', '<a href="/pre/">Moved Permanently</a>.\n\n']);
  assert.deepEqual(await location('/pre/api?x=1', { method: 'POST' }), [307, '/pre/api/?x=1', '']);
  assert.deepEqual((await location('/pre/tree')).slice(0, 2), [301, '/pre/tree/']);
  assert.deepEqual((await location('/pre//api/../healthz')).slice(0, 2), [301, '/pre/healthz']);
  assert.equal((await get(`${url}/pre/nobody`))[0], 404);
});

it('plugin faults get 500 and are attributed to the plugin, RequestErrors are not', async () => {
  const { url } = await bench.serve();
  bench.faults.length = 0;
  assert.deepEqual(await get(`${url}/api/v2.0/bad`), [400, 'a bad thing\n']);
  assert.deepEqual(await get(`${url}/api/v2.0/missing`), [404, 'not here\n']);
  assert.equal(bench.faults.length, 0);
  assert.deepEqual(await get(`${url}/api/v2.0/throws`), [500, 'internal error: broken handler\n']);
  assert.deepEqual(await get(`${url}/api/v2.0/rejects`), [500, 'internal error: broken promise\n']);
  assert.deepEqual(await get(`${url}/api/v2.0/badBody`), [500, 'internal error: broken body\n']);
  assert.equal((await get(`${url}/api/v2.0/noAnswer`))[0], 500);
  assert.equal((await get(`${url}/api/v2.0/badStatus`))[0], 500);
  await assert.rejects(get(`${url}/api/v2.0/breaks?pieces=100`));
  assert.deepEqual(await get(`${url}/api/v2.0/breaks?pieces=1`), [500, 'internal error: broken stream\n']);
  assert.deepEqual(
    bench.faults.map((fault) => fault.split(':')[0]),
    [
      'throws handler',
      'rejects handler',
      'badBody body',
      'noAnswer answer',
      'badStatus head',
      'breaks body',
      'breaks body',
    ].map((what) => `v2 /api/v2.0/${what}`),
  );
});

it('remount replaces the routes; of two plugins with the same path the first is kept', async () => {
  const { url, server } = await bench.serve();
  const endpoint = (id: string) => ({ id, instance: { routes: { '/said': () => text(id) } } });
  const version = (id: string) => ({ id, instance: { version: 'v9.9', requestTypes: { a: () => text(id) } } });
  server.remount({ apiVersions: [version('late')], endpoints: [endpoint('one')] });
  assert.deepEqual(await get(`${url}/said`), [200, '"one"']);
  assert.deepEqual(await get(`${url}/api/v9.9/a`), [200, '"late"']);
  assert.deepEqual(await get(`${url}/api/`), [400, 'Supported API versions: v9.9\n']);
  assert.equal((await get(`${url}/exact`))[0], 404);
  bench.logged.length = 0;
  for (let i = 0; i < 2; i++) server.remount({ apiVersions: [], endpoints: [endpoint('one'), endpoint('two')] });
  assert.deepEqual(await get(`${url}/said`), [200, '"one"']);
  assert.deepEqual(bench.logged, ['plugins one and two both serve /said: the first one is kept']);
});

it('listening sockets are used instead of the configured addresses', { timeout: 60_000 }, async (t) => {
  const inherited = createNetServer().listen(0, '127.0.0.1');
  await once(inherited, 'listening');
  const { port } = inherited.address() as AddressInfo;
  const { fd } = (inherited as unknown as { _handle: { fd: number } })._handle;
  const program = `
    import { HttpServer } from ${JSON.stringify(new URL('./index.js', import.meta.url).href)};
    import { webDefaults } from ${JSON.stringify(new URL('../config/index.js', import.meta.url).href)};
    const web = { ...webDefaults(), listen: ['127.0.0.1:1'] };
    const rest = { apiVersions: [], endpoints: [], guard: (id, what, call) => call(), logger: console };
    const server = new HttpServer({ web, sockets: [3], ...rest });
    console.log(await server.start());`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit', fd],
  });
  t.after(() => child.kill());
  inherited.close();
  const [output] = (await once(child.stdout!, 'data')) as [Buffer];
  assert.equal(output.toString().trim(), `[ 'http://127.0.0.1:${port}' ]`);
  assert.equal((await fetch(`http://127.0.0.1:${port}/healthz`)).status, 200);
});

it('listens on TCP and unix sockets, and rejects used and malformed addresses', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tallyman-http-'));
  const path = join(directory, 'api.sock');
  try {
    const { server } = await bench.serve({ listen: ['127.0.0.1:0', `unix:${path}`], accessLog: true });
    const urls = server.urls();
    assert.match(urls[0]!, /^http:\/\/127\.0\.0\.1:\d+$/);
    assert.equal(urls[1], `unix:${path}`);
    bench.logged.length = 0;
    assert.deepEqual(await overSocket(path, '/healthz'), [200, 'ok']);
    assert.deepEqual(bench.logged, ['request']);
    await assert.rejects(bench.serve({ listen: [urls[0]!.slice(7)] }), /cannot listen on 127.0.0.1:\d+: .*EADDRINUSE/);
    await assert.rejects(bench.serve({ listen: ['nonsense'] }), /not an address/);
    await server.stop(100);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

it('two plugins with the same path are rejected at start', () => {
  const instance = { version: 'v1.0', requestTypes: {} };
  const apiVersions = ['a', 'b'].map((id) => ({ id, instance }));
  assert.throws(() => httpServer({ apiVersions }), /plugins a and b both serve \/api\/v1.0\//);
});

describe('requests that the budget does not allow', () => {
  it('are answered with 503 and Retry-After before the plugin is called, and never those of the agent', async (t) => {
    let calls = 0;
    const spent: string[] = [];
    const expensive: Endpoint = {
      routes: {
        '/expensive': () => {
          calls++;
          return { body: (out) => out.ascii('x') };
        },
      },
    };
    let retryAfter: number | undefined = 7;
    const server = httpServer({
      endpoints: [{ id: 'e', instance: expensive }],
      queries: { admit: () => retryAfter, spent: (route, target) => spent.push(`${route} ${target}`) },
    });
    const [url] = await server.start();
    t.after(() => server.stop(0));
    const refused = await fetch(`${url}/expensive?a=1`);
    assert.equal(refused.status, 503);
    assert.equal(refused.headers.get('retry-after'), '7');
    assert.match(await refused.text(), /^the agent keeps within its CPU budget; try again in 7 s$/m);
    assert.equal(calls, 0);
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
    retryAfter = undefined;
    assert.equal(await (await fetch(`${url}/expensive?a=1`)).text(), 'x');
    assert.ok(spent.includes('/expensive /expensive?a=1'), spent.join());
  });
});
