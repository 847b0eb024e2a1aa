// Authentication, TLS and what browsers may do, over real sockets with curl.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import bcrypt from 'bcryptjs';
import type { WebConfig } from '../../src/kernel/config/index.js';
import { AgentProcess } from '../support/agent-process.js';
import { TestAuthority } from '../support/certificates.js';
import { curl } from '../support/curl.js';
import { HttpBench } from '../support/http-server.js';
import { needs } from '../support/needs.js';

const skip = needs('curl', 'openssl');

const TOKEN = 'a-token-of-the-test-0123456789';
const directory = mkdtempSync(join(tmpdir(), `tallyman-test-${process.pid}-`));
after(() => rmSync(directory, { recursive: true, force: true }));

function secret(name: string, text: string): string {
  const file = join(directory, name);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

const htpasswd = secret(
  'htpasswd',
  [
    `bcrypt:${bcrypt.hashSync('päss:word', 5)}`,
    `sha:{SHA}${createHash('sha1').update('secret').digest('base64')}`,
    'apr1:$apr1$5HzQXoEn$s/RmTowEsrFPyihyWPRSP0',
  ].join('\n'),
);
const htdigest = secret('htdigest', `ann:here:${createHash('md5').update('ann:here:secret').digest('hex')}\n`);
const tokens = secret('tokens', `scraper:${TOKEN}\n`);

const ALL_WAYS: WebConfig['auth'] = {
  basic: { file: htpasswd, realm: 'here' },
  digest: { file: htdigest, realm: 'here' },
  bearer: { file: tokens },
  rules: [],
};
const NO_WAY: WebConfig['auth'] = {
  basic: { file: undefined, realm: 'here' },
  digest: { file: undefined, realm: 'here' },
  bearer: { file: undefined },
  rules: [],
};

const bench = new HttpBench({
  endpoints: [{ id: 'pages', instance: { routes: { '/said': () => ({ body: (out) => out.ascii('said') }) } } }],
});
after(() => bench.stop());

/** Status and headers of an answer, without its body; undefined where they take longer, as those of a profile may. */
async function headOf(url: string, init: RequestInit, limitMs = 60_000): Promise<Response | undefined> {
  const left = new AbortController();
  const timer = setTimeout(() => left.abort(), limitMs);
  try {
    return await fetch(url, { ...init, redirect: 'manual', signal: left.signal });
  } catch (error) {
    if (left.signal.aborted) return undefined;
    throw error;
  } finally {
    clearTimeout(timer);
    left.abort();
  }
}

describe('authentication', { skip }, () => {
  it('covers every route of the agent, whatever its plugins', async () => {
    const agent = await AgentProcess.start(`
web:
  auth:
    basic: { file: ${htpasswd} }
    bearer: { file: ${tokens} }
plugins:
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
`);
    try {
      const bearer = ['-H', `Authorization: Bearer ${TOKEN}`];
      const status = await curl(...bearer, `${agent.url}/-/status`);
      const { routes } = JSON.parse(status.body) as { routes: string[] };
      for (const known of ['/metrics', '/api/', '/api/v1.3/containers/', '/-/status'])
        assert.ok(routes.includes(known));
      const open = new Set(['/healthz', '/-/ready']);
      for (const route of routes) {
        for (const method of ['GET', 'POST', 'HEAD']) {
          const stranger = await headOf(agent.url + route, { method });
          if (open.has(route)) assert.notEqual(stranger?.status, 401, route);
          else assert.deepEqual([stranger?.status, stranger?.headers.has('www-authenticate')], [401, true], route);
        }
        const known = await headOf(agent.url + route, { headers: { Authorization: `Bearer ${TOKEN}` } }, 2000);
        assert.ok(known?.status !== 401 && known?.status !== 403, `${route}: ${known?.status}`);
      }
    } finally {
      await agent.stop();
    }
  });

  it('covers unknown paths and unusual spellings of paths', async () => {
    const { url } = await bench.serve({ auth: ALL_WAYS });
    for (const path of [
      '/',
      '/nothing',
      '/said/',
      '/SAID',
      '/healthz/',
      '/%2fsaid',
      '/healthz%00',
      '/-/ready/x',
      '/api',
    ]) {
      const { status, body } = await curl(`${url}${path}`);
      assert.ok(status === 401 || status === 301, `${path}: ${status}`);
      assert.ok(!body.includes('said') || status === 301, path);
    }
    for (const path of ['/healthz/../said', '/healthz%2f..%2fsaid', '//said', '/healthz/%2e%2e/said']) {
      assert.deepEqual([(await curl(`${url}${path}`)).status, (await curl('-L', `${url}${path}`)).status], [301, 401]);
    }
    assert.equal((await curl(`${url}/healthz?x=/said`)).body, 'ok');
  });

  it('accepts Basic with bcrypt, SHA and apr1, Digest, and tokens', async () => {
    const { url } = await bench.serve({ auth: ALL_WAYS });
    const status = async (...args: string[]) => (await curl(...args, `${url}/said`)).status;
    assert.equal(await status('-u', 'bcrypt:päss:word'), 200);
    assert.equal(await status('-u', 'sha:secret'), 200);
    assert.equal(await status('-u', 'apr1:pässword'), 200);
    assert.equal(await status('--digest', '-u', 'ann:secret'), 200);
    assert.equal(await status('-H', `Authorization: Bearer ${TOKEN}`), 200);
    assert.equal(await status('-u', 'sha:Secret'), 401);
    assert.equal(await status('--digest', '-u', 'ann:Secret'), 401);
    assert.equal(await status('-H', `Authorization: Bearer ${TOKEN}x`), 401);
    assert.equal(await status(), 401);
    const { head, body } = await curl(`${url}/said`);
    assert.match(
      head,
      /^www-authenticate: Digest realm="here", nonce="[^"]+", opaque="\w+", algorithm=MD5, qop="auth"\r$/im,
    );
    assert.match(head, /^www-authenticate: Basic realm="here", charset="UTF-8"\r$/im);
    assert.match(head, /^www-authenticate: Bearer realm/im);
    assert.equal(body, '401 Unauthorized\n');
  });

  it('accepts ten concurrent requests of a page, and delays many wrong passwords', async () => {
    const { url } = await bench.serve({ auth: { ...NO_WAY, basic: ALL_WAYS.basic } });
    const right = await Promise.all(Array.from({ length: 10 }, () => curl('-u', 'bcrypt:päss:word', `${url}/said`)));
    assert.deepEqual(new Set(right.map(({ status }) => status)), new Set([200]));
    bench.logged.length = 0;
    // The delay is one second, which a process may need to start on a loaded host.
    const ask = (password: string) => {
      const authorization = `Basic ${Buffer.from(`sha:${password}`).toString('base64')}`;
      return fetch(`${url}/said`, { headers: { authorization } });
    };
    const statuses: number[] = [];
    for (let i = 0; i < 6; i++) statuses.push((await ask(`wrong${i}`)).status);
    assert.deepEqual(statuses, [401, 401, 401, 401, 401, 429]);
    const waiting = await ask('secret');
    assert.deepEqual([waiting.status, waiting.headers.get('retry-after')], [429, '1']);
    assert.deepEqual(bench.logged, ['repeated authentication failures from 127.0.0.1: its attempts are delayed']);
    assert.equal((await curl(`${url}/healthz`)).status, 200);
  });

  it('applies rules by path', async () => {
    const rules = [
      { path: '/said', allow: 'authenticated' as const, users: ['sha'] },
      { path: '/healthz', allow: 'nobody' as const, users: [] },
      { path: '/open/', allow: 'anyone' as const, users: [] },
    ];
    const { url } = await bench.serve({ auth: { ...ALL_WAYS, rules } });
    const status = async (path: string, ...args: string[]) => (await curl(...args, `${url}${path}`)).status;
    assert.equal(await status('/said', '-u', 'sha:secret'), 200);
    assert.equal(await status('/said', '-u', 'apr1:pässword'), 403);
    assert.equal(await status('/healthz', '-u', 'sha:secret'), 403);
    assert.equal(await status('/open/x'), 404);
    assert.equal(await status('/other'), 401);
  });

  it('reloads changed files, and keeps the previous ones when a new one is invalid', async () => {
    const file = secret('changing', `${TOKEN}\n`);
    const { url, server } = await bench.serve({ auth: { ...NO_WAY, bearer: { file } } });
    const status = async (token: string) => (await curl('-H', `Authorization: Bearer ${token}`, `${url}/said`)).status;
    assert.equal(await status(TOKEN), 200);
    secret('changing', 'bad\n');
    bench.logged.length = 0;
    server.renewSecrets();
    server.renewSecrets();
    assert.equal(bench.logged.length, 1);
    assert.equal(await status(TOKEN), 200);
    secret('changing', 'another-token-0123456789\n');
    server.renewSecrets();
    assert.deepEqual([await status(TOKEN), await status('another-token-0123456789')], [401, 200]);
    rmSync(file);
    server.renewSecrets();
    assert.equal(await status('another-token-0123456789'), 200);
  });

  it('reports an unusable file or a missing credential before it listens', async () => {
    const withFile = (file: string) => bench.serve({ auth: { ...NO_WAY, bearer: { file } } });
    await assert.rejects(withFile('/nonexistent'), /web\.auth\.bearer\.file: \/nonexistent cannot be used: ENOENT/);
    await assert.rejects(withFile(secret('empty', '')), /it holds no token/);
    await assert.rejects(withFile('credential:tokens'), /started without any\n +add LoadCredential=tokens:/);
    await assert.rejects(
      bench.serve({ auth: { ...NO_WAY, basic: { file: secret('des', 'a:rqXexS6ZhobKA'), realm: 'x' } } }),
      /line 1/,
    );
  });

  it('reads credentials from systemd', async () => {
    const config = 'web: { auth: { bearer: { file: "credential:tokens" } } }';
    const agent = await AgentProcess.start(config, ['--port', '0'], { CREDENTIALS_DIRECTORY: directory });
    try {
      assert.equal((await curl(`${agent.url}/metrics`)).status, 401);
      assert.equal((await curl('-H', `Authorization: Bearer ${TOKEN}`, `${agent.url}/metrics`)).status, 200);
    } finally {
      await agent.stop();
    }
  });
});

describe('TLS', { skip }, () => {
  let authority: TestAuthority;
  let strangers: TestAuthority;
  let files: { cert: string; key: string };
  before(() => {
    authority = new TestAuthority(directory);
    strangers = new TestAuthority(directory, 'strangers');
    files = authority.issue('server');
  });
  const tls = (more: Partial<WebConfig['tls']> = {}) => ({
    ...files,
    clientCa: undefined,
    clientCertificates: 'none' as const,
    minVersion: 'TLSv1.2' as const,
    ...more,
  });

  it('encrypts, and reloads renewed certificates without a restart', async () => {
    const { url, server } = await bench.serve({ tls: tls(), auth: ALL_WAYS });
    const ask = (...args: string[]) => curl('--cacert', authority.ca, ...args, `${url}/said`);
    assert.match(url, /^https:/);
    assert.equal((await ask('-u', 'sha:secret')).status, 200);
    assert.equal((await ask()).status, 401);
    assert.equal((await curl(`${url}/said`)).exit, 60);
    assert.equal((await curl(url.replace('https:', 'http:'))).status, 0);
    assert.notEqual((await ask('--tls-max', '1.1')).exit, 0);

    const renewed = strangers.issue('server', 'renewed');
    const kept = { ...files };
    copyFileSync(files.cert, join(directory, 'old.pem'));
    renameSync(renewed.cert, files.cert);
    bench.logged.length = 0;
    server.renewSecrets();
    server.renewSecrets();
    assert.equal(bench.logged.length, 1, 'certificate and key do not fit while only one of them is new');
    assert.equal((await ask('-u', 'sha:secret')).status, 200);
    renameSync(renewed.key, files.key);
    server.renewSecrets();
    assert.equal((await ask()).exit, 60);
    assert.equal((await curl('--cacert', strangers.ca, '-u', 'sha:secret', `${url}/said`)).status, 200);
    files = authority.issue('server');
    assert.deepEqual(files, kept);
  });

  it('accepts or requires client certificates', async () => {
    const client = authority.issue('grafana');
    const stranger = strangers.issue('mallory');
    const showing = ({ cert, key }: { cert: string; key: string }) => ['--cert', cert, '--key', key];
    const rules = [{ path: '/said', allow: 'authenticated' as const, users: ['grafana', 'sha'] }];
    const withCa = { clientCa: authority.ca };
    const optional = await bench.serve({
      tls: tls({ ...withCa, clientCertificates: 'optional' }),
      auth: { ...ALL_WAYS, rules },
    });
    const ask = (url: string, ...args: string[]) => curl('--cacert', authority.ca, ...args, `${url}/said`);
    assert.equal((await ask(optional.url, ...showing(client))).status, 200);
    assert.equal((await ask(optional.url, ...showing(stranger))).status, 401);
    assert.equal((await ask(optional.url, '-u', 'sha:secret')).status, 200);
    assert.equal((await ask(optional.url)).status, 401);

    const required = await bench.serve({
      tls: tls({ ...withCa, clientCertificates: 'required' }),
      auth: { ...NO_WAY, rules },
    });
    assert.equal((await ask(required.url, ...showing(client))).status, 200);
    assert.equal((await ask(required.url, ...showing(authority.issue('other')))).status, 403);
    assert.equal((await ask(required.url)).status, 0);
    assert.equal((await ask(required.url, ...showing(stranger))).status, 0);
  });

  it('reports a certificate without its key', async () => {
    await assert.rejects(
      bench.serve({ tls: tls({ key: authority.issue('another').key }) }),
      /web\.tls\.key: .*is not the private key of the certificate/,
    );
  });
});

describe('addresses', { skip }, () => {
  it('a unix socket has the configured mode and owner', async () => {
    const path = join(directory, 'socket');
    const isRoot = process.getuid?.() === 0;
    const owner = isRoot ? { user: 'daemon', group: '12345' } : {};
    const { server, web } = await bench.serve({ listen: [`unix:${path}`], unixSocket: { mode: '0620', ...owner } });
    const { mode, gid, uid } = statSync(path);
    assert.equal(mode & 0o777, 0o620);
    if (isRoot) assert.deepEqual([uid, gid], [1, 12345]);
    assert.equal((await curl('--unix-socket', path, 'http://any.name/said')).body, 'said');
    await server.reconfigure({ ...web, unixSocket: { mode: '0600' } });
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const odd = bench.serve({ listen: [`unix:${path}2`], unixSocket: { mode: '0600', group: 'no-such-group' } });
    await assert.rejects(odd, /there is no group no-such-group/);
  });

  it('on loopback only names of this host are accepted', async () => {
    const { url } = await bench.serve({ hosts: ['stats.example'] });
    const status = async (host: string) => (await curl('-H', `Host: ${host}`, `${url}/said`)).status;
    assert.equal(await status('localhost:1'), 200);
    assert.equal(await status('stats.example'), 200);
    assert.equal(await status('rebound.example'), 421);
  });

  it('a warning is logged without authentication beyond loopback', async () => {
    bench.logged.length = 0;
    await bench.serve({ listen: ['0.0.0.0:0'] });
    assert.match(
      bench.logged.join('\n'),
      /^no authentication: everything served at http:\/\/0\.0\.0\.0:\d+ can be read by anyone who can connect$/,
    );
  });

  it('addresses change while requests are served, and stay unchanged when a new one cannot be bound', async () => {
    const { url, server, web } = await bench.serve({});
    const port = new URL(url).port;
    const other = await bench.serve({});
    const taken = new URL(other.url).host;
    await assert.rejects(server.reconfigure({ ...web, listen: [`0.0.0.0:${port}`, taken] }), /EADDRINUSE/);
    assert.equal((await curl(`${url}/said`)).status, 200);
    const [all] = await server.reconfigure({ ...web, listen: [`0.0.0.0:${port}`] });
    assert.equal(all, `http://0.0.0.0:${port}`);
    assert.equal((await curl(`${url}/said`)).status, 200);
    const path = join(directory, 'later');
    await server.reconfigure({ ...web, listen: [`unix:${path}`] });
    assert.equal((await curl('--unix-socket', path, 'http://x/said')).status, 200);
    assert.equal((await curl(`${url}/said`)).status, 0);
  });
});

describe('browsers', { skip }, () => {
  it('get security headers', async () => {
    const { url } = await bench.serve({ auth: ALL_WAYS });
    for (const path of ['/healthz', '/said', '/nothing']) {
      const { head } = await curl('-H', 'Origin: https://page.example', `${url}${path}`);
      assert.match(head, /^x-content-type-options: nosniff\r$/im);
      assert.match(head, /^x-frame-options: DENY\r$/im);
      assert.match(head, /^referrer-policy: no-referrer\r$/im);
      assert.match(head, /^content-security-policy: default-src 'self'; .*frame-ancestors 'none'\r$/im);
      assert.match(head, /^cross-origin-resource-policy: same-origin\r$/im);
      assert.doesNotMatch(head, /access-control/i);
    }
  });

  it('of listed origins are allowed, also with a preflight request', async () => {
    const { url } = await bench.serve({ auth: ALL_WAYS, cors: { origins: ['https://page.example'] } });
    const asks = ['-X', 'OPTIONS', '-H', 'Access-Control-Request-Method: GET'];
    const listed = await curl(...asks, '-H', 'Origin: https://page.example', `${url}/said`);
    assert.equal(listed.status, 204);
    assert.match(listed.head, /^access-control-allow-origin: https:\/\/page\.example\r$/im);
    assert.match(listed.head, /^access-control-allow-headers: Authorization, Content-Type\r$/im);
    const other = await curl(...asks, '-H', 'Origin: https://other.example', `${url}/said`);
    assert.equal(other.status, 401);
    assert.doesNotMatch(other.head, /access-control-allow/i);
    const answer = await curl('-u', 'sha:secret', '-H', 'Origin: https://page.example', `${url}/said`);
    assert.match(answer.head, /^vary: Origin\r$/im);
  });

  it('cannot change the agent from a page of another origin', async () => {
    const { url } = await bench.serve({});
    const post = (...args: string[]) => curl('-X', 'POST', ...args, `${url}/-/anything`);
    assert.equal((await post('-H', 'Origin: https://page.example')).status, 403);
    assert.equal((await post('-H', 'Sec-Fetch-Site: cross-site')).status, 403);
    assert.equal((await post()).status, 404);
  });
});
