import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createHttpServer } from './index.js';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const limits = { maxConnections: 9, maxUrlLength: 1000, maxHeaderSize: 4000, accessLog: false };
/** An address of this host that is not loopback, as strangers use it. */
const outside = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;

test('a client is trusted that is on this host or proved who it is', { skip: !outside && 'no network' }, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tallyman-test-'));
  const tokens = join(directory, 'tokens');
  writeFileSync(tokens, 'a-token-of-the-test-0123456789\n', { mode: 0o600 });
  const none = { file: undefined, realm: 'x' };
  const server = createHttpServer({
    web: {
      listen: ['127.0.0.1:0', `${outside}:0`],
      urlBasePrefix: '',
      requestTimeout: 10_000,
      allowUnauthenticated: true,
      auth: {
        basic: none,
        digest: none,
        bearer: { file: tokens },
        rules: [{ path: '/open', allow: 'anyone', users: [] }],
      },
      ...limits,
    },
    apiVersions: [],
    endpoints: [
      {
        id: 'x',
        instance: {
          routes: Object.fromEntries(
            ['/open', '/closed'].map((path) => [path, ({ trusted }) => ({ body: (out) => out.json(trusted) })]),
          ),
        },
      },
    ],
    guard: (_id, _what, call) => call(),
    logger: quiet,
  });
  try {
    const [here, there] = (await server.start()) as [string, string];
    const headers = { authorization: 'Bearer a-token-of-the-test-0123456789' };
    const trusted = async (url: string, init?: RequestInit) => (await fetch(url, init)).json();
    assert.equal(await trusted(`${here}/open`), true);
    assert.equal(await trusted(`${there}/open`), false);
    assert.equal((await fetch(`${there}/closed`)).status, 401);
    assert.equal(await trusted(`${there}/closed`, { headers }), true);
  } finally {
    await server.stop(0);
    rmSync(directory, { recursive: true });
  }
});
