import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { after, it } from 'node:test';
import { get, HttpBench, letterOf, PIECE, pieces } from '../../../test/support/http-server.js';
import type { RequestHandler } from '../contracts/index.js';

let ended = 0;
const big: RequestHandler = (request) => pieces(Number(request.query.get('pieces')), undefined, () => ended++);
const bench = new HttpBench({ endpoints: [{ id: 'pages', instance: { routes: { '/big': big } } }] });
after(() => bench.stop());

/** A stream of pushed values that records its end. */
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

it('small answers have a Content-Length, large ones are streamed completely', async () => {
  const { url } = await bench.serve();
  const small = await fetch(`${url}/big?pieces=3`);
  assert.equal(small.headers.get('content-length'), String(3 * PIECE));
  assert.equal((await small.text()).length, 3 * PIECE);
  const large = await fetch(`${url}/big?pieces=777`);
  assert.equal(large.headers.get('content-length'), null);
  const body = await large.text();
  assert.equal(body.length, 777 * PIECE);
  for (let i = 0; i < 777; i++) assert.equal(body[i * PIECE + 5], letterOf(i));
  assert.deepEqual(await get(`${url}/big?pieces=777`, { method: 'HEAD' }), [200, '']);
});

it('a client that disconnects ends the generator; one that does not read does not block others', async () => {
  const { url, port } = await bench.serve({ requestTimeout: 500 });
  const before = ended;
  const idle = connect(port, '127.0.0.1').on('error', () => {});
  idle.pause().write('GET /big?pieces=100000 HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const leaver = httpRequest(`${url}/big?pieces=100000`, (response) => {
    response.once('data', () => leaver.destroy());
    response.on('error', () => {});
  }).on('error', () => {});
  leaver.end();
  const deadline = AbortSignal.timeout(60_000);
  while (ended < before + 2) {
    deadline.throwIfAborted();
    assert.deepEqual(await get(`${url}/healthz`), [200, 'ok']);
  }
  idle.destroy();
});

/** A server with this stream, and a request for it whose answer has begun. */
async function streamed(feed: Feed, signal?: AbortSignal) {
  const { url, server } = await bench.serve();
  server.remount({
    apiVersions: [],
    endpoints: [{ id: 'feeds', instance: { routes: { '/feed': () => ({ stream: feed }) } } }],
  });
  const response = await fetch(`${url}/feed`, { ...(signal !== undefined && { signal }) });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  return { url, server, response, read: async () => (await reader.read()).value };
}

it('a stream begins at once, sends each chunk as it is produced, and ends', async () => {
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

it('a stream is closed when its client disconnects', async () => {
  const feed = new Feed();
  const leaving = new AbortController();
  const { url, read } = await streamed(feed, leaving.signal);
  feed.push('one');
  await read();
  leaving.abort();
  const deadline = AbortSignal.timeout(60_000);
  while (feed.ended === 0) {
    deadline.throwIfAborted();
    await get(`${url}/healthz`);
  }
  assert.equal(feed.ended, 1);
});

it('streams end cleanly when the server stops', async () => {
  const feed = new Feed();
  const { server, read } = await streamed(feed);
  const stopped = server.stop(10_000);
  assert.equal(await read(), undefined);
  await stopped;
  assert.equal(feed.ended, 1);
});
