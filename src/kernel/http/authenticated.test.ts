import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { httpServer } from '../../../test/support/http-server.js';
import { overSocket } from '../../../test/support/over-socket.js';
import type { Endpoint } from '../contracts/index.js';

it('a request is authenticated with valid credentials or over a unix socket', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tallyman-test-'));
  const tokens = join(directory, 'tokens');
  writeFileSync(tokens, 'a-token-of-the-test-0123456789\n', { mode: 0o600 });
  const socket = join(directory, 'http.sock');
  const none = { file: undefined, realm: 'x' };
  const routes: Endpoint['routes'] = Object.fromEntries(
    ['/open', '/closed'].map((path) => [path, ({ authenticated }) => ({ body: (out) => out.json(authenticated) })]),
  );
  const server = httpServer(
    { endpoints: [{ id: 'x', instance: { routes } }] },
    {
      listen: ['127.0.0.1:0', `unix:${socket}`],
      auth: {
        basic: none,
        digest: none,
        bearer: { file: tokens },
        rules: [{ path: '/open', allow: 'anyone', users: [] }],
      },
    },
  );
  try {
    const [url] = (await server.start()) as [string];
    const headers = { authorization: 'Bearer a-token-of-the-test-0123456789' };
    const isAuthenticated = async (path: string, init?: RequestInit) => (await fetch(url + path, init)).json();
    assert.equal(await isAuthenticated('/open'), false);
    assert.equal((await fetch(`${url}/closed`)).status, 401);
    assert.equal(await isAuthenticated('/closed', { headers }), true);
    assert.deepEqual(await overSocket(socket, '/open'), [200, 'true']);
    assert.equal((await overSocket(socket, '/closed'))[0], 401);
  } finally {
    await server.stop(0);
    rmSync(directory, { recursive: true });
  }
});
