import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { describe, it } from 'node:test';
import { keepRequestsInTransit } from './listeners.js';

const REQUEST = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n';

describe('a connection that is kept open', () => {
  const serve = async () => {
    const server = createServer((_request, response) => response.end('answer'));
    server.keepAliveTimeout = 100;
    keepRequestsInTransit(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1').setEncoding('utf8');
    client.write(REQUEST);
    const [first] = await once(client, 'data');
    assert.match(first, /^HTTP\/1.1 200 OK/);
    return { server, client };
  };

  it('answers a request that arrived while the agent could not run, although the time for it is over', async () => {
    const { server, client } = await serve();
    const answer = once(client, 'data');
    client.write(REQUEST);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500);
    assert.match((await answer)[0], /^HTTP\/1.1 200 OK/);
    client.destroy();
    server.close();
  });

  it('is closed when no request comes in time', async () => {
    const { server, client } = await serve();
    await once(client.resume(), 'end');
    client.destroy();
    server.close();
  });
});
