import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { type AddressInfo, connect, createServer as createNetServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type Answer, badRequest, type Logger, notFound, type RequestHandler } from '../contracts/index.js';
import { createHttpServer, type HttpServer, type WebOptions } from './index.js';

const faults: string[] = [];
const logged: string[] = [];
const note = (message: string): void => void logged.push(message);
const logger: Logger = { debug: () => {}, info: note, warn: note, error: note };

const text = (value: string): Answer => ({ body: (out) => out.string(value) });
const aborted: string[] = [];
let cleanups = 0;

/** Writes `pieces` pieces of 16 KiB, then fails when told to. */
function big(pieces: number, failure?: string): Answer {
  return {
    *body(out) {
      try {
        for (let i = 0; i < pieces; i++) {
          out.ascii(String.fromCharCode(97 + (i % 26)).repeat(16384));
          yield;
        }
        if (failure !== undefined) throw new Error(failure);
      } finally {
        cleanups++;
      }
    },
  };
}

const handlers: Record<string, RequestHandler> = {
  echo: async (request) => ({
    body: (out) =>
      out.json({
        ...request,
        query: request.query.toString(),
        header: undefined,
        authenticated: undefined,
        text: undefined,
        signal: undefined,
      }),
  }),
  body: async (request) => text(await request.text()),
  sync: () => text('sync'),
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
  big: (request) => big(Number(request.query.get('pieces') ?? '400')),
  breaks: (request) => big(Number(request.query.get('pieces')), 'broken stream'),
  waits: (request) =>
    new Promise<Answer>((_, reject) => {
      request.signal.addEventListener('abort', () => {
        aborted.push(request.signal.reason.message);
        reject(request.signal.reason);
      });
    }),
  never: () => new Promise<Answer>(() => {}),
};

/** A stream that gives what is pushed, and notes its end. */
class Feed implements AsyncIterableIterator<string | Uint8Array> {
  ended = 0;
  private resolve: ((step: IteratorResult<string | Uint8Array>) => void) | undefined;

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<string | Uint8Array>> {
    return new Promise((resolve) => {
      this.resolve = resolve;
    });
  }

  async return(): Promise<IteratorResult<string>> {
    this.ended++;
    return { done: true, value: undefined };
  }

  push(value: string | Uint8Array): void {
    this.resolve!({ value });
  }

  finish(): void {
    this.resolve!({ done: true, value: undefined });
  }
}

const servers: HttpServer[] = [];
after(async () => {
  for (const server of servers) await server.stop(0);
});

async function serve(web: Partial<WebOptions> = {}): Promise<{ url: string; port: number; server: HttpServer }> {
  const server = createHttpServer({
    web: {
      listen: ['127.0.0.1:0'],
      urlBasePrefix: '',
      requestTimeout: 20_000,
      maxConnections: 100,
      maxUrlLength: 1000,
      maxHeaderSize: 4000,
      accessLog: false,
      ...web,
    },
    apiVersions: [
      { id: 'v2', instance: { version: 'v2.0', requestTypes: { ...handlers } } },
      {
        id: 'v10',
        instance: {
          version: 'v10.0',
          validate: (request) => {
            if (request.query.has('refuse')) throw badRequest('refused');
          },
          requestTypes: { b: handlers.sync!, a: handlers.sync! },
        },
      },
    ],
    endpoints: [
      {
        id: 'pages',
        instance: { routes: { '/exact': handlers.echo!, '/tree/': handlers.echo!, '/api/extra': handlers.echo! } },
      },
    ],
    guard(pluginId, what, call) {
      const fault = (error: unknown): never => {
        faults.push(`${pluginId} ${what}: ${(error as Error).message}`);
        throw error;
      };
      try {
        const result = call();
        return result instanceof Promise ? (result.catch(fault) as typeof result) : result;
      } catch (error) {
        return fault(error);
      }
    },
    logger,
  });
  servers.push(server);
  const [url] = await server.start();
  return { url: url!, port: Number(new URL(url!).port), server };
}

/** Sends bytes and gives back everything that comes until the server closes. */
async function raw(port: number, ...pieces: string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.setEncoding('latin1').on('data', (data: string) => {
    answer += data;
  });
  socket.on('error', () => {});
  for (const piece of pieces) socket.write(piece, 'latin1');
  await once(socket, 'close');
  return answer;
}

const get = async (url: string, init?: RequestInit): Promise<[number, string]> => {
  const response = await fetch(url, { redirect: 'manual', ...init });
  return [response.status, await response.text()];
};

test('listings, unknown versions and types, options before types', async () => {
  const { url } = await serve();
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

test('requests as handlers see them, whatever the method', async () => {
  const { url } = await serve();
  const seen = async (path: string, init?: RequestInit) => JSON.parse((await get(url + path, init))[1]);
  const expected = { method: 'GET', args: ['a', 'b c'], containerName: '/a/b c', query: 'x=1&x=2' };
  assert.deepEqual(await seen('/api/v2.0/echo/a%2Fb%20c/?x=1&x=2'), expected);
  assert.deepEqual(await seen('/api/v2.0/echo', { method: 'DELETE' }), {
    method: 'DELETE',
    args: [],
    containerName: '/',
    query: '',
  });
  assert.deepEqual((await seen('/exact')).args, []);
  assert.deepEqual((await seen('/tree/x/y')).args, ['x', 'y']);
  assert.deepEqual((await seen('/api/extra')).args, []);
  assert.deepEqual(await get(`${url}/api/v2.0/echo`, { method: 'HEAD' }), [200, '']);
});

test('paths outside the API: healthz, directories, redirects, the prefix', async () => {
  const { url } = await serve({ urlBasePrefix: 'pre/' });
  const location = async (path: string, init?: RequestInit) => {
    const response = await fetch(url + path, { redirect: 'manual', ...init });
    return [response.status, response.headers.get('location'), await response.text()];
  };
  assert.deepEqual(await get(`${url}/pre/healthz`), [200, 'ok']);
  assert.deepEqual(await get(`${url}/pre/healthz`, { method: 'PUT', body: 'x' }), [200, 'ok']);
  assert.deepEqual(await get(`${url}/healthz`), [404, '404 page not found\n']);
  assert.deepEqual(await get(`${url}/prefix`), [404, '404 page not found\n']);
  assert.deepEqual(await location('/pre'), [301, '/pre/', '<a href="/pre/">Moved Permanently</a>.\n\n']);
  assert.deepEqual(await location('/pre/api?x=1', { method: 'POST' }), [301, '/pre/api/?x=1', '']);
  assert.deepEqual((await location('/pre/tree')).slice(0, 2), [301, '/pre/tree/']);
  assert.deepEqual((await location('/pre//api/../healthz')).slice(0, 2), [301, '/pre/healthz']);
  assert.equal((await get(`${url}/pre/nobody`))[0], 404);
});

test('faults are answered 500 and attributed, refusals are neither', async () => {
  const { url } = await serve();
  faults.length = 0;
  assert.deepEqual(await get(`${url}/api/v2.0/bad`), [400, 'a bad thing\n']);
  assert.deepEqual(await get(`${url}/api/v2.0/missing`), [404, 'not here\n']);
  assert.equal(faults.length, 0);
  assert.deepEqual(await get(`${url}/api/v2.0/throws`), [500, 'internal error: broken handler\n']);
  assert.deepEqual(await get(`${url}/api/v2.0/rejects`), [500, 'internal error: broken promise\n']);
  assert.deepEqual(await get(`${url}/api/v2.0/badBody`), [500, 'internal error: broken body\n']);
  assert.equal((await get(`${url}/api/v2.0/noAnswer`))[0], 500);
  assert.equal((await get(`${url}/api/v2.0/badStatus`))[0], 500);
  await assert.rejects(get(`${url}/api/v2.0/breaks?pieces=100`));
  assert.deepEqual(await get(`${url}/api/v2.0/breaks?pieces=1`), [500, 'internal error: broken stream\n']);
  assert.deepEqual(
    faults.map((fault) => fault.split(':')[0]),
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

test('small answers have a length, large ones are streamed whole', async () => {
  const { url } = await serve();
  const small = await fetch(`${url}/api/v2.0/big?pieces=3`);
  assert.equal(small.headers.get('content-length'), String(3 * 16384));
  assert.equal((await small.text()).length, 3 * 16384);
  const large = await fetch(`${url}/api/v2.0/big?pieces=777`);
  assert.equal(large.headers.get('content-length'), null);
  const body = await large.text();
  assert.equal(body.length, 777 * 16384);
  for (let i = 0; i < 777; i++) assert.equal(body[i * 16384 + 5], String.fromCharCode(97 + (i % 26)));
  assert.deepEqual(await get(`${url}/api/v2.0/big?pieces=777`, { method: 'HEAD' }), [200, '']);
});

test('a client that goes away ends the generator; one that does not read harms nobody', async () => {
  const { url, port } = await serve({ requestTimeout: 500 });
  const before = cleanups;
  const idle = connect(port, '127.0.0.1').on('error', () => {});
  idle.pause().write('GET /api/v2.0/big?pieces=100000 HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const leaver = httpRequest(`${url}/api/v2.0/big?pieces=100000`, (response) => {
    response.once('data', () => leaver.destroy());
    response.on('error', () => {});
  }).on('error', () => {});
  leaver.end();
  const deadline = AbortSignal.timeout(10_000);
  while (cleanups < before + 2) {
    deadline.throwIfAborted();
    assert.deepEqual(await get(`${url}/healthz`), [200, 'ok']);
  }
  idle.destroy();
});

async function streamed(feed: Feed, signal?: AbortSignal) {
  const { url, server } = await serve();
  server.remount({
    apiVersions: [],
    endpoints: [{ id: 'feeds', instance: { routes: { '/feed': () => ({ stream: feed }) } } }],
  });
  const response = await fetch(`${url}/feed`, { ...(signal !== undefined && { signal }) });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  return { url, server, response, read: async () => (await reader.read()).value };
}

test('a stream begins at once, gives each piece as it comes, and ends', async () => {
  const feed = new Feed();
  const { url, response, read } = await streamed(feed);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), null);
  assert.equal(response.headers.get('transfer-encoding'), 'chunked');
  feed.push('one\n');
  assert.equal(await read(), 'one\n');
  feed.push(Buffer.from('two\n'));
  assert.equal(await read(), 'two\n');
  feed.finish();
  assert.equal(await read(), undefined);
  assert.deepEqual(await get(`${url}/feed`, { method: 'HEAD' }), [200, '']);
});

test('a stream is forgotten when its client goes away', async () => {
  const feed = new Feed();
  const leaving = new AbortController();
  const { url, read } = await streamed(feed, leaving.signal);
  feed.push('one');
  await read();
  leaving.abort();
  const deadline = AbortSignal.timeout(10_000);
  while (feed.ended === 0) {
    deadline.throwIfAborted();
    await get(`${url}/healthz`);
  }
  assert.equal(feed.ended, 1);
});

test('streams end cleanly when the server stops', async () => {
  const feed = new Feed();
  const { server, read } = await streamed(feed);
  const stopped = server.stop(10_000);
  assert.equal(await read(), undefined);
  await stopped;
  assert.equal(feed.ended, 1);
});

test('what is mounted can change; of two plugins with one path the first goes on', async () => {
  const { url, server } = await serve();
  const says = (id: string) => ({ id, instance: { routes: { '/said': () => text(id) } } });
  const version = (id: string) => ({ id, instance: { version: 'v9.9', requestTypes: { a: () => text(id) } } });
  server.remount({ apiVersions: [version('late')], endpoints: [says('one')] });
  assert.deepEqual(await get(`${url}/said`), [200, '"one"']);
  assert.deepEqual(await get(`${url}/api/v9.9/a`), [200, '"late"']);
  assert.deepEqual(await get(`${url}/api/`), [400, 'Supported API versions: v9.9\n']);
  assert.equal((await get(`${url}/exact`))[0], 404);
  logged.length = 0;
  for (let i = 0; i < 2; i++) server.remount({ apiVersions: [], endpoints: [says('one'), says('two')] });
  assert.deepEqual(await get(`${url}/said`), [200, '"one"']);
  assert.deepEqual(logged, ['plugins one and two both serve /said: the first one goes on']);
});

test('malformed requests, limits and time limits are answered', async () => {
  const { url, port } = await serve({ requestTimeout: 300, maxBodySize: 100 });
  const status = async (...pieces: string[]) => (await raw(port, ...pieces)).split('\r\n')[0];
  const close = 'Host: localhost\r\nConnection: close\r\n\r\n';
  assert.equal(await status('rubbish\r\n\r\n'), 'HTTP/1.1 400 Bad Request');
  assert.equal(await status(`CONNECT a:1 HTTP/1.1\r\n${close}`), 'HTTP/1.1 405 Method Not Allowed');
  assert.equal(await status(`OPTIONS * HTTP/1.1\r\n${close}`), 'HTTP/1.1 400 Bad Request');
  assert.equal(await status(`GET /%zz HTTP/1.1\r\n${close}`), 'HTTP/1.1 400 Bad Request');
  assert.equal(await status(`GET /%ff%fe HTTP/1.1\r\n${close}`), 'HTTP/1.1 404 Not Found');
  assert.equal(await status(`GET /${'x'.repeat(1100)} HTTP/1.1\r\n${close}`), 'HTTP/1.1 414 URI Too Long');
  assert.equal(
    await status(`GET / HTTP/1.1\r\nX: ${'x'.repeat(9000)}\r\n${close}`),
    'HTTP/1.1 431 Request Header Fields Too Large',
  );
  assert.equal((await get(`${url}/api/v2.0/body`, { method: 'POST', body: 'x'.repeat(101) }))[0], 413);
  assert.deepEqual(await get(`${url}/api/v2.0/body`, { method: 'POST', body: 'x'.repeat(100) }), [
    200,
    `"${'x'.repeat(100)}"`,
  ]);
  assert.deepEqual(await get(`${url}/api/v2.0/body`), [200, '""']);
  assert.match(
    await raw(port, 'POST /api/v2.0/body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc'),
    /^HTTP\/1.1 408 /,
  );
  const chunked = 'POST /api/v2.0/body HTTP/1.1\r\nTransfer-Encoding: chunked\r\n';
  assert.match(await raw(port, `${chunked}${close}ff\r\n${'x'.repeat(255)}\r\n0\r\n\r\n`), /^HTTP\/1.1 413 /);
  assert.match(await raw(port, 'GET /api/v2.0/sync HTTP/1.1\r\nHost: localhost\r\n'), /^HTTP\/1.1 408 /);
  assert.deepEqual(await get(`${url}/api/v2.0/never`), [503, 'no answer within 0.3 s\n']);
  aborted.length = 0;
  assert.deepEqual(await get(`${url}/api/v2.0/waits`), [503, 'no answer within 0.3 s\n']);
  assert.deepEqual(aborted, ['no answer within 0.3 s']);
});

test('connections beyond the limit are told so', async () => {
  const { port, url } = await serve({ maxConnections: 2 });
  const open: Socket[] = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
  await Promise.all(open.map((socket) => once(socket, 'connect')));
  for (const socket of open) socket.write('GET /healthz HTTP/1.1\r\n');
  assert.match(await raw(port, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'), /^HTTP\/1.1 503 /);
  for (const socket of open) socket.destroy();
  await Promise.all(open.map((socket) => once(socket, 'close')));
  assert.deepEqual(await get(`${url}/healthz`), [200, 'ok']);
});

test('stop lets open requests finish, tells waiting ones, and cuts off the rest', async () => {
  const { url, port, server } = await serve();
  const waiting = get(`${url}/api/v2.0/waits`);
  const stuck = raw(port, 'GET /api/v2.0/never HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const idle = raw(port, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await get(`${url}/healthz`);
  const streaming = await fetch(`${url}/api/v2.0/big?pieces=500`);
  const stopped = server.stop(1000);
  assert.deepEqual(await waiting, [503, 'the agent stops\n']);
  assert.equal((await streaming.text()).length, 500 * 16384);
  assert.match(await idle, /ok$/);
  assert.equal(await stuck, '');
  await stopped;
  await assert.rejects(get(`${url}/healthz`));
});

test('sockets that already listen take the place of the addresses', { timeout: 20_000 }, async (t) => {
  const inherited = createNetServer().listen(0, '127.0.0.1');
  await once(inherited, 'listening');
  const { port } = inherited.address() as AddressInfo;
  const { fd } = (inherited as unknown as { _handle: { fd: number } })._handle;
  const program = `
    import { createHttpServer } from ${JSON.stringify(new URL('./index.js', import.meta.url).href)};
    const web = { listen: ['127.0.0.1:1'], urlBasePrefix: '', requestTimeout: 20000, maxConnections: 9 };
    const limits = { maxUrlLength: 1000, maxHeaderSize: 4000, accessLog: false };
    const rest = { apiVersions: [], endpoints: [], guard: (id, what, call) => call(), logger: console };
    const server = createHttpServer({ web: { ...web, ...limits }, sockets: [3], ...rest });
    console.log(await server.start());`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit', fd],
  });
  t.after(() => child.kill());
  inherited.close();
  const [said] = (await once(child.stdout!, 'data')) as [Buffer];
  assert.equal(said.toString().trim(), `[ 'http://127.0.0.1:${port}' ]`);
  assert.equal((await fetch(`http://127.0.0.1:${port}/healthz`)).status, 200);
});

test('addresses: TCP, IPv6, unix sockets, what is wrong with the others', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tallyman-http-'));
  const path = join(directory, 'api.sock');
  try {
    const server = createHttpServer({
      web: {
        listen: ['127.0.0.1:0', `unix:${path}`],
        urlBasePrefix: '',
        requestTimeout: 1000,
        maxConnections: 9,
        maxUrlLength: 999,
        maxHeaderSize: 999,
        accessLog: true,
      },
      apiVersions: [],
      endpoints: [],
      guard: (_id, _what, call) => call(),
      logger,
    });
    servers.push(server);
    const urls = await server.start();
    assert.match(urls[0]!, /^http:\/\/127\.0\.0\.1:\d+$/);
    assert.equal(urls[1], `unix:${path}`);
    logged.length = 0;
    const response = await new Promise<number | undefined>((resolve) =>
      httpRequest({ socketPath: path, path: '/healthz', agent: false }, (incoming) => {
        incoming.resume().once('close', () => resolve(incoming.statusCode));
      }).end(),
    );
    assert.equal(response, 200);
    assert.deepEqual(logged, ['request']);
    await assert.rejects(serve({ listen: [urls[0]!.slice(7)] }), /cannot listen on 127.0.0.1:\d+: .*EADDRINUSE/);
    await assert.rejects(serve({ listen: ['nonsense'] }), /not an address/);
    await server.stop(100);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('two plugins cannot serve the same', () => {
  const version = { version: 'v1.0', requestTypes: {} };
  const options = {
    web: {
      listen: [],
      urlBasePrefix: '',
      requestTimeout: 1,
      maxConnections: 1,
      maxUrlLength: 1,
      maxHeaderSize: 1,
      accessLog: false,
    },
    apiVersions: [
      { id: 'a', instance: version },
      { id: 'b', instance: version },
    ],
    endpoints: [],
    guard: <T>(_id: string, _what: string, call: () => T) => call(),
    logger,
  };
  assert.throws(() => createHttpServer(options), /plugins a and b both serve \/api\/v1.0\//);
});
