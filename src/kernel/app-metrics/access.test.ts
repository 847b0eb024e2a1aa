import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { after, afterEach, describe, it } from 'node:test';
import { isCollectionError } from '../contracts/index.js';
import { ContainerAccess } from './access.js';
import { appContainer } from './container-metrics.js';
import { ResponseBudget } from './fair-shares.js';
import { HttpGetter } from './http-get.js';

describe('connections to a container', () => {
  const servers: Server[] = [];
  let access: ContainerAccess | undefined;
  afterEach(() => access?.close());
  after(() => {
    for (const server of servers) server.close();
  });

  async function connect(serve: (socket: Socket) => void, signal = new AbortController().signal) {
    const server = createServer((socket) => serve(socket.on('error', () => {})));
    servers.push(server.listen(0, '127.0.0.1'));
    await once(server, 'listening');
    const description = {
      aliases: [],
      labels: {},
      envs: {},
      networkMode: 'own',
      addresses: ['127.0.0.1'],
      state: { status: 'running' },
    } as const;
    access = new ContainerAccess(
      appContainer('/x', description),
      { pidsBelow: () => [] } as never,
      { networkMode: 'own', addresses: ['127.0.0.1'], trustedHosts: [] },
      {
        getter: new HttpGetter(),
        proc: '/nonexistent',
        userAgent: 'test',
        maxBodySize: 1000,
        limits: { metrics: 1, series: 1 },
        responseBudget: new ResponseBudget(10_000),
      },
      signal,
      0,
    );
    return access.connect({ port: (server.address() as AddressInfo).port });
  }

  async function readAll(stream: AsyncIterable<Buffer>): Promise<string> {
    let text = '';
    for await (const chunk of stream) text += chunk.toString();
    return text;
  }

  it('transfer bytes in both directions', async () => {
    const stream = await connect((socket) => socket.once('data', (bytes) => socket.end(`got ${bytes}`)));
    stream.write('this');
    assert.equal(await readAll(stream), 'got this');
  });

  it('that break fail with a CollectionError, which is not a fault of the plugin', async () => {
    const stream = await connect((socket) => socket.once('data', () => socket.resetAndDestroy()));
    stream.write('this');
    await assert.rejects(
      readAll(stream),
      (error: Error) => isCollectionError(error) && /ECONNRESET/.test(error.message),
    );
  });

  it('end with the collection, with its reason', async () => {
    const abort = new AbortController();
    const stream = await connect(() => {}, abort.signal);
    const reason = new Error('the time is over');
    const reading = readAll(stream);
    abort.abort(reason);
    await assert.rejects(reading, reason);
  });
});
