import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import http2 from 'node:http2';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { type FakeCall, GrpcServer } from '../../../../test/support/grpc-server.js';
import { EngineError, GRPC_NOT_FOUND } from './engine-error.js';
import { connectGrpc, type GrpcClient, MessageSplitter, type Method } from './grpc-client.js';
import * as wire from './wire.js';

const word = wire.message({ word: wire.text(1) });
const say: Method<{ readonly word: string }, { readonly word: string }> = {
  path: '/test.Echo/Say',
  what: 'a word',
  request: word,
  answer: word,
};

describe('a gRPC client', () => {
  let folder = '';
  let path = '';
  let clients: GrpcClient[] = [];
  let closers: (() => Promise<unknown> | unknown)[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tallyman-test-grpc-'));
    path = join(folder, 'socket');
  });
  afterEach(async () => {
    for (const client of clients) client.close();
    for (const close of closers) await close();
    clients = [];
    closers = [];
    await rm(path, { force: true });
  });
  after(() => rm(folder, { recursive: true }));

  const serve = async (answer: (call: FakeCall) => void): Promise<GrpcServer> => {
    const server = await GrpcServer.listen(path, { [say.path]: answer });
    closers.push(() => server.kill());
    return server;
  };
  const listen = async (server: Server): Promise<void> => {
    const sockets = new Set<Socket>();
    server.on('connection', (socket) => sockets.add(socket.on('error', () => {})));
    await new Promise<void>((resolve) => server.listen(path, resolve));
    closers.push(() => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    });
  };
  const client = async (timeoutMs = 5000): Promise<GrpcClient> => {
    const made = await connectGrpc(path, timeoutMs);
    clients.push(made);
    return made;
  };

  it('sends metadata and reads the answer', async () => {
    await serve((call) => {
      const { word: asked } = word.decode(call.request);
      call.send(word.encode({ word: `${asked} ${call.metadata('namespace')}` }));
      call.end();
    });
    const answer = await (await client()).call(say, { word: 'hello' }, { metadata: { namespace: 'shop' } });
    assert.deepEqual(answer, { word: 'hello shop' });
  });

  it('reads a stream to its end', async () => {
    await serve((call) => {
      for (const text of ['one', 'two', 'three']) call.send(word.encode({ word: text }));
      call.end();
    });
    const words: string[] = [];
    await (await client()).stream(say, {}, (answer) => words.push(answer.word));
    assert.deepEqual(words, ['one', 'two', 'three']);
  });

  it('throws the error of a service with its status', async () => {
    await serve((call) => call.fail(GRPC_NOT_FOUND, 'no such word'));
    await assert.rejects((await client()).call(say, {}), (error: EngineError) => {
      assert.equal(error.status, GRPC_NOT_FOUND);
      assert.equal(error.message, `unix://${path} refused a word (gRPC status 5): no such word`);
      return true;
    });
  });

  it('times out when a service never answers or stops within a stream', async () => {
    await serve((call) => {
      if (word.decode(call.request).word === 'stream') call.send(word.encode({ word: 'one' }));
    });
    const asked = await client(200);
    const message = `unix://${path} did not answer about a word within 200 ms`;
    await assert.rejects(asked.call(say, {}), { message });
    await assert.rejects(
      asked.stream(say, { word: 'stream' }, () => {}),
      { message },
    );
  });

  it('times out when a server accepts connections and sends nothing', async () => {
    await listen(createServer());
    await assert.rejects((await client(200)).call(say, {}), /did not answer about a word within 200 ms/);
  });

  it('reports a server that is not a gRPC service', async () => {
    await listen(http.createServer((_, response) => response.end('hello')));
    await assert.rejects((await client()).call(say, {}), /does not answer as a gRPC service/);
  });

  it('rejects malformed messages, in answers and in streams', async () => {
    await serve((call) => {
      call.send(Uint8Array.of(10, 200));
      call.end();
    });
    await assert.rejects((await client()).call(say, {}), /answered a word with something else/);
    await assert.rejects(
      (await client()).stream(say, {}, () => {}),
      /answered a word with something else/,
    );
  });

  it('continues an endless stream after a malformed message', async () => {
    await serve((call) => {
      call.send(Uint8Array.of(10, 200));
      call.send(word.encode({ word: 'two' }));
      call.end();
    });
    const garbage: EngineError[] = [];
    const words: string[] = [];
    const options = { endless: true, onGarbage: (error: EngineError) => garbage.push(error) };
    await (await client()).stream(say, {}, (answer) => words.push(answer.word), options);
    assert.deepEqual([words, garbage.length], [['two'], 1]);
  });

  it('rejects a message above the size limit', async () => {
    const large = word.encode({ word: 'x'.repeat(33 * 1024 * 1024) });
    await serve((call) => {
      call.send(large);
      call.end();
    });
    await assert.rejects((await client()).call(say, {}), /answered a word with too much/);
  });

  it('reports a server that exits within an answer', async () => {
    const server = await serve((call) => {
      call.send(word.encode({ word: 'one' }));
    });
    const stream = (await client()).stream(say, {}, () => void server.kill(), { endless: true });
    await assert.rejects(stream, EngineError);
  });

  for (const [what, bytes, message] of [
    ['cut within a message', Uint8Array.of(0, 0, 0, 0, 9, 10, 7, 120), /broke off a word within a message/],
    ['compressed', Uint8Array.of(1, 0, 0, 0, 0), /answered a word with too much: it is compressed/],
  ] as const) {
    it(`rejects an answer that is ${what}`, async () => {
      const server = http2.createServer();
      server.on('stream', (stream) => {
        stream.on('error', () => {});
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
        stream.end(bytes);
      });
      await listen(server);
      await assert.rejects((await client()).call(say, {}), message);
    });
  }

  it('finds the messages of an answer however its bytes are cut', () => {
    const chunked = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 });
    fc.assert(
      fc.property(chunked, fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }), (messages, sizes) => {
        const bytes = Buffer.concat(messages.map((message) => Buffer.from([0, 0, 0, 0, message.length, ...message])));
        const splitter = new MessageSplitter();
        const found: Buffer[] = [];
        for (let at = 0, turn = 0; at < bytes.length; turn++) {
          const size = sizes[turn % sizes.length]!;
          found.push(...splitter.push(bytes.subarray(at, at + size)));
          at += size;
        }
        assert.deepEqual(
          found.map((message) => [...message]),
          messages.map((message) => [...message]),
        );
        assert.deepEqual([splitter.pendingBytes, splitter.problem], [0, undefined]);
      }),
    );
  });

  it('cancels its calls on close', async () => {
    await serve(() => {});
    const asked = await client();
    const call = asked.call(say, {});
    const stream = asked.stream(say, {}, () => {}, { endless: true });
    asked.close();
    await assert.rejects(call, /closed the connection/);
    await assert.rejects(stream, /closed the connection/);
  });

  it('reports a missing, refused or forbidden socket', async () => {
    await assert.rejects(connectGrpc(join(folder, 'none'), 1000), (error: EngineError) => {
      assert.ok(error.absent);
      assert.match(error.message, /no such socket; is the engine installed and started\? \(ENOENT\)$/);
      return true;
    });
    await writeFile(path, '');
    await assert.rejects(connectGrpc(path, 1000), /nothing listens there; is the engine started\? \(ECONNREFUSED\)$/);
  });
});
