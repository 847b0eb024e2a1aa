import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import bcrypt from 'bcryptjs';
import { get, HttpBench } from '../../../test/support/http-server.js';
import { overSocket } from '../../../test/support/over-socket.js';
import { webDefaults } from '../config/index.js';
import type { Answer } from '../contracts/index.js';

const text = (value: string): Answer => ({ body: (out) => out.string(value) });
let release = (): void => {};
const bench = new HttpBench({
  endpoints: [
    {
      id: 'pages',
      instance: {
        routes: {
          '/said': () => text('said'),
          '/body': async (request) => text(await request.text()),
          '/held': () =>
            new Promise<Answer>((resolve) => {
              release = () => resolve(text('held'));
            }),
        },
      },
    },
  ],
});
const directory = mkdtempSync(join(tmpdir(), `tallyman-test-${process.pid}-`));
after(async () => {
  await bench.stop();
  rmSync(directory, { recursive: true });
});

const USERS = ['ann', 'bob', 'eve', 'joe', 'tim'];

/** Basic authentication of all users by one password; each check takes 70 ms at cost 10, 300 ms at cost 12. */
function basicAuth(name: string, cost: 4 | 10 | 12) {
  const file = join(directory, name);
  const hash = bcrypt.hashSync('secret', cost);
  writeFileSync(file, USERS.map((user) => `${user}:${hash}`).join('\n'), { mode: 0o600 });
  return { ...webDefaults().auth, basic: { file, realm: 'here' } };
}

const login = (user: string) => ({
  headers: { Authorization: `Basic ${Buffer.from(`${user}:secret`).toString('base64')}` },
});

describe('reconfiguration of the HTTP server', () => {
  it('keeps a login whose password is being checked', async () => {
    const { url, server, web } = await bench.serve({ auth: basicAuth('users', 10) });
    const logins = USERS.map((user) => get(`${url}/said`, login(user)));
    assert.deepEqual(await get(`${url}/healthz`), [200, 'ok']);
    for (const requestTimeout of [10_000, 15_000]) await server.reconfigure({ ...web, requestTimeout });
    assert.deepEqual(
      await Promise.all(logins),
      USERS.map(() => [200, '"said"']),
    );
    assert.deepEqual(await get(`${url}/said`, login('ann')), [200, '"said"']);
  });

  it('checks a login in progress against the previous users', async () => {
    const auth = basicAuth('before', 10);
    const { url, server, web } = await bench.serve({ auth });
    const begun = get(`${url}/said`, login('ann'));
    assert.deepEqual(await get(`${url}/healthz`), [200, 'ok']);
    const file = join(directory, 'after');
    writeFileSync(file, `ann:${bcrypt.hashSync('other', 4)}`, { mode: 0o600 });
    await server.reconfigure({ ...web, auth: { ...auth, basic: { file, realm: 'here' } } });
    assert.deepEqual(await begun, [200, '"said"']);
    assert.equal((await get(`${url}/said`, login('ann')))[0], 401, 'the old password is no longer valid');
  });

  it('keeps a request whose handler is running, or whose body or head is incomplete', async () => {
    const { url, port, server, web } = await bench.serve();
    const held = get(`${url}/held`);
    const upload = httpRequest(`${url}/body`, {
      method: 'POST',
      headers: { 'Content-Length': 4, Expect: '100-continue' },
    });
    const uploaded = once(upload, 'response');
    upload.flushHeaders();
    await once(upload, 'continue');
    const half = connect(port, '127.0.0.1');
    half.write('GET /said HTTP/1.1\r\nHost: localhost\r\n');
    assert.deepEqual(await get(`${url}/healthz`), [200, 'ok']);
    const socket = `unix:${join(directory, 'moved')}`;
    const changed = { ...web, requestTimeout: 10_000, maxConnections: 50, maxHeaderSize: 8000, accessLog: true };
    await server.reconfigure({ ...changed, listen: [...web.listen, socket] });
    await server.reconfigure({ ...changed, listen: [socket], auth: basicAuth('later', 4) });
    release();
    upload.end('text');
    half.write('Connection: close\r\n\r\n');
    half.setEncoding('latin1');
    assert.deepEqual(await held, [200, '"held"']);
    const [answer] = (await uploaded) as [NodeJS.ReadableStream & { statusCode: number }];
    answer.resume();
    assert.equal(answer.statusCode, 200);
    const [reply] = (await once(half, 'data')) as [string];
    // Its head came when only users were let in.
    assert.match(reply, /^HTTP\/1\.1 401 /);
  });

  it('does not answer at a new address by the previous rules', async () => {
    const open = await bench.serve();
    const auth = basicAuth('strict', 4);
    const path = join(directory, 'early');
    const statuses: number[] = [];
    // Names take a while to look up, one after the other; the first address listens meanwhile.
    const names = Array.from('localhost', (letter, i) => `${'localhost'.slice(0, i)}${letter.toUpperCase()}`);
    const listen = [`unix:${path}`, ...names.map((name) => `${name}${'localhost'.slice(name.length)}:0`)];
    const change = open.server.reconfigure({ ...open.web, auth, listen });
    let changed = false;
    void change.then(() => {
      changed = true;
    });
    while (!changed) {
      const [status] = await overSocket(path, '/said').catch(() => [0] as const);
      if (status !== 0) statuses.push(status);
      await new Promise(setImmediate);
    }
    await change;
    assert.ok(statuses.length > 0);
    assert.deepEqual([...new Set(statuses)], [401]);
  });
});

describe('password check', () => {
  it('in progress is answered with 503 when the agent stops', async () => {
    const { url, server } = await bench.serve({ auth: basicAuth('stopping', 12) });
    const logins = USERS.map((user) => get(`${url}/said`, login(user)));
    assert.deepEqual(await get(`${url}/healthz`), [200, 'ok']);
    await server.stop(20_000);
    assert.deepEqual(
      await Promise.all(logins),
      USERS.map(() => [503, 'the agent stops\n']),
    );
  });

  it('longer than the request timeout is answered', async () => {
    const { url } = await bench.serve({ auth: basicAuth('slow', 12), requestTimeout: 100 });
    assert.deepEqual(await get(`${url}/said`, login('ann')), [503, 'no answer within 0.1 s\n']);
  });
});

describe('maxConnections', () => {
  it('applies per address, so that one address cannot exhaust another', async () => {
    const path = join(directory, 'own');
    const { port, url } = await bench.serve({ listen: ['127.0.0.1:0', `unix:${path}`], maxConnections: 3 });
    const open: Socket[] = Array.from({ length: 10 }, () => connect(port, '127.0.0.1'));
    for (const socket of open) socket.on('error', () => {}).write('GET /said HTTP/1.1\r\n');
    await Promise.all(open.map((socket) => once(socket, 'connect')));
    assert.equal((await get(`${url}/healthz`))[0], 503);
    assert.deepEqual(await overSocket(path, '/said'), [200, '"said"']);
    for (const socket of open) socket.destroy();
  });
});
