// Who knows a secret is let in, however many wrong ones are tried from the same address.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import bcrypt from 'bcryptjs';
import { get, HttpBench } from '../../../test/support/http-server.js';
import { webDefaults } from '../config/index.js';
import { digestAuthorization } from './security/digest.js';

const bench = new HttpBench({
  endpoints: [{ id: 'pages', instance: { routes: { '/said': () => ({ body: (out) => out.ascii('said') }) } } }],
});
const directory = mkdtempSync(join(tmpdir(), `tallyman-test-${process.pid}-`));
after(async () => {
  await bench.stop();
  rmSync(directory, { recursive: true });
});

function secret(name: string, text: string): string {
  const file = join(directory, name);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

const md5 = (text: string) => createHash('md5').update(text).digest('hex');
const TOKEN = 'a-token-of-the-test-0123456789';
const auth = {
  ...webDefaults().auth,
  basic: {
    file: secret('htpasswd', ['ann', 'bob'].map((user) => `${user}:${bcrypt.hashSync(user, 4)}`).join('\n')),
    realm: 'here',
  },
  digest: { file: secret('htdigest', `dan:here:${md5('dan:here:dan')}\n`), realm: 'here' },
  bearer: { file: secret('tokens', `scraper:${TOKEN}\n`) },
};
const basic = (user: string, password = user) => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

async function status(url: string, authorization: string): Promise<number> {
  return (await get(`${url}/said`, { headers: { authorization } }))[0];
}

/** Logs in by Digest like a client without state: the first request gets the challenge. */
async function digestStatus(url: string, password: string): Promise<number> {
  const { headers } = await fetch(`${url}/said`);
  const [challenge = ''] = headers.get('www-authenticate')!.split(', Basic');
  const answer = digestAuthorization(challenge, {
    user: 'dan',
    method: 'GET',
    target: '/said',
    hashOf: (realm) => md5(`dan:${realm}:${password}`),
  });
  return status(url, answer!);
}

/** Fails in this way until the throttle answers. */
async function exhaust(url: string, wrong: (i: number) => string): Promise<void> {
  for (let i = 0; i < 200; i++) if ((await status(url, wrong(i))) === 429) return;
  throw new Error('the throttle never answered');
}

describe('failed logins from an address', () => {
  let url: string;
  before(async () => {
    ({ url } = await bench.serve({ auth }));
  });

  it('do not lock out a valid token', async () => {
    await exhaust(url, (i) => `Bearer wrong-token-0123456789-${i}`);
    assert.equal(await status(url, `Bearer ${TOKEN}`), 200);
    await exhaust(url, (i) => basic(`nobody${i}`));
    assert.equal(await status(url, `Bearer ${TOKEN}`), 200);
  });

  it('as one user do not lock out the first login of another user', async () => {
    const { url: fresh } = await bench.serve({ auth });
    await exhaust(fresh, (i) => basic('nobody', `wrong${i}`));
    assert.equal(await status(fresh, basic('ann')), 200);
  });

  it('do not lock out a user who logged in before, even after a reload', async () => {
    const { url: fresh, server, web } = await bench.serve({ auth });
    assert.equal(await status(fresh, basic('bob')), 200);
    assert.equal(await digestStatus(fresh, 'dan'), 200);
    await exhaust(fresh, (i) => basic('bob', `wrong${i}`));
    await exhaust(fresh, (i) => `Digest username="dan", realm="here", nonce="${i}"`);
    assert.deepEqual([await status(fresh, basic('bob')), await digestStatus(fresh, 'dan')], [200, 200]);
    await server.reconfigure({ ...web, requestTimeout: 15_000 });
    assert.deepEqual([await status(fresh, basic('bob')), await digestStatus(fresh, 'dan')], [200, 200]);
    assert.equal(await digestStatus(fresh, 'wrong'), 429);
  });

  it('are not reset when other users log in from there', async () => {
    const { url: fresh } = await bench.serve({ auth });
    assert.equal(await status(fresh, basic('bob')), 200);
    const statuses: number[] = [];
    for (let i = 0; i < 7; i++) {
      statuses.push(await status(fresh, basic('bob', `wrong${i}`)));
      assert.equal(await status(fresh, basic('bob')), 200);
      assert.equal(await status(fresh, `Bearer ${TOKEN}`), 200);
      if (i === 2) assert.equal(await status(fresh, basic('ann')), 200);
    }
    assert.deepEqual(statuses, [401, 401, 401, 401, 401, 429, 429]);
  });
});
