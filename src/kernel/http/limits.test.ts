import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, it } from 'node:test';
import { get, HttpBench, PIECE, pieces, sendBytes } from '../../../test/support/http-server.js';
import type { Answer, Endpoint } from '../contracts/index.js';

const text = (value: string): Answer => ({ body: (out) => out.string(value) });
const aborted: string[] = [];

const routes: Endpoint['routes'] = {
  '/body': async (request) => text(await request.text()),
  '/sync': () => text('sync'),
  '/big': () => pieces(500),
  '/waits': (request) =>
    new Promise<Answer>((_, reject) => {
      request.signal.addEventListener('abort', () => {
        aborted.push(request.signal.reason.message);
        reject(request.signal.reason);
      });
    }),
  '/never': () => new Promise<Answer>(() => {}),
};
const bench = new HttpBench({ endpoints: [{ id: 'pages', instance: { routes } }] });
after(() => bench.stop());

it('malformed and oversized requests get an error status', async () => {
  const { url, port } = await bench.serve({ maxUrlLength: 1000, maxHeaderSize: 4000 });
  const status = async (bytes: string) => (await sendBytes(port, bytes)).split('\r\n')[0];
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
  const body = 'x'.repeat(65_536);
  assert.equal((await get(`${url}/body`, { method: 'POST', body: `${body}x` }))[0], 413);
  assert.deepEqual(await get(`${url}/body`, { method: 'POST', body }), [200, `"${body}"`]);
  assert.deepEqual(await get(`${url}/body`), [200, '""']);
  const chunked = 'POST /body HTTP/1.1\r\nTransfer-Encoding: chunked\r\n';
  assert.match(await sendBytes(port, `${chunked}${close}10001\r\n${body}x\r\n0\r\n\r\n`), /^HTTP\/1.1 413 /);
});

it('requests that are too slow get 408, and those without an answer 503', async () => {
  const { url, port } = await bench.serve({ requestTimeout: 300 });
  assert.match(
    await sendBytes(port, 'POST /body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc'),
    /^HTTP\/1.1 408 /,
  );
  assert.match(await sendBytes(port, 'GET /sync HTTP/1.1\r\nHost: localhost\r\n'), /^HTTP\/1.1 408 /);
  assert.deepEqual(await get(`${url}/never`), [503, 'no answer within 0.3 s\n']);
  aborted.length = 0;
  assert.deepEqual(await get(`${url}/waits`), [503, 'no answer within 0.3 s\n']);
  assert.deepEqual(aborted, ['no answer within 0.3 s']);
});

it('connections beyond the limit get 503', async () => {
  const { port, url } = await bench.serve({ maxConnections: 2 });
  const open: Socket[] = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
  await Promise.all(open.map((socket) => once(socket, 'connect')));
  for (const socket of open) socket.write('GET /healthz HTTP/1.1\r\n');
  assert.match(await sendBytes(port, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'), /^HTTP\/1.1 503 /);
  for (const socket of open) socket.destroy();
  await Promise.all(open.map((socket) => once(socket, 'close')));
  assert.deepEqual(await get(`${url}/healthz`), [200, 'ok']);
});

it('at the limit answered connections are closed for new ones, and others are not', async () => {
  const { port, url } = await bench.serve({ maxConnections: 3 });
  const connected = async (): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  };
  const [silent, answered, waiting] = [await connected(), await connected(), await connected()];
  const closed = once(answered, 'close');
  answered.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await once(answered, 'data');
  waiting.write('GET /never HTTP/1.1\r\nHost: localhost\r\n\r\n');
  assert.equal((await get(`${url}/healthz`))[0], 503);
  await closed;
  assert.deepEqual(await get(`${url}/healthz`), [200, 'ok']);
  silent.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
  assert.match(String(await once(silent, 'data')), /^HTTP\/1.1 200 /);
  assert.equal(waiting.destroyed, false);
  for (const socket of [silent, waiting]) socket.destroy();
});

it('stop lets open requests finish, answers waiting ones with 503, and closes the rest', async () => {
  const { url, port, server } = await bench.serve();
  const waiting = get(`${url}/waits`);
  const stuck = sendBytes(port, 'GET /never HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const idle = sendBytes(port, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await get(`${url}/healthz`);
  const streaming = await fetch(`${url}/big`);
  const stopped = server.stop(4000);
  assert.deepEqual(await waiting, [503, 'the agent stops\n']);
  assert.equal((await streaming.text()).length, 500 * PIECE);
  assert.match(await idle, /ok$/);
  assert.equal(await stuck, '');
  await stopped;
  await assert.rejects(get(`${url}/healthz`));
});
