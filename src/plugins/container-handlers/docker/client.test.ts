import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, mock } from 'node:test';
import util from 'node:util';
import { createEngineClient } from './client.js';

describe('Docker engine client', () => {
  it('does not format its agent with all sockets for each request', async () => {
    const server = createServer((_, response) => response.end('{}')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const formatted: string[] = [];
    const { inspect } = util;
    const spy = (...args: Parameters<typeof inspect>) => {
      const text = inspect(...args);
      formatted.push(text);
      return text;
    };
    const inspection = mock.method(util, 'inspect', Object.assign(spy, inspect));
    const endpoint = { kind: 'http', host: '127.0.0.1', port, url: `http://127.0.0.1:${port}` } as const;
    const client = await createEngineClient(endpoint, {}, 5000);
    try {
      await Promise.all(['a', 'b', 'c'].map((id) => client.inspect(id)));
    } finally {
      inspection.mock.restore();
      client.close();
      server.close();
    }
    assert.ok(formatted.length > 0, 'docker-modem formats its requests no more: the custom inspection can go');
    assert.deepEqual(
      formatted.filter((text) => text.length > 1000),
      [],
    );
  });

  it('has as many calls under way as it is asked for without a warning of Node', async () => {
    const warnings: string[] = [];
    const warned = ({ name }: Error) => warnings.push(name);
    process.on('warning', warned);
    const server = createServer((_, response) => response.end('{}')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const endpoint = { kind: 'http', host: '127.0.0.1', port, url: `http://127.0.0.1:${port}` } as const;
    const client = await createEngineClient(endpoint, {}, 5000);
    try {
      await Promise.all(Array.from({ length: 20 }, (_, id) => client.inspect(String(id))));
    } finally {
      client.close();
      server.close();
      process.off('warning', warned);
    }
    assert.deepEqual(warnings, []);
  });
});
