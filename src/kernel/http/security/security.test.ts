import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { hostname } from 'node:os';
import { describe, it } from 'node:test';
import bcrypt from 'bcryptjs';
import fc from 'fast-check';
import { nameOfToken, parseHtdigest, parseHtpasswd, parseTokens } from './credential-files.js';
import { DigestAuthenticator, parseDigest } from './digest.js';
import { FailureThrottle, networkOf } from './login-memory.js';
import { BcryptWorker, matchesPassword } from './passwords.js';
import { isCrossOrigin, isKnownHost, ruleFor } from './request-checks.js';

const md5 = (text: string) => createHash('md5').update(text).digest('hex');

/** A parser either accepts a text or throws one of its own errors. */
function throwsOnlyOwnErrors(parse: (text: string) => unknown): void {
  const line = fc.oneof(
    fc.string(),
    fc.constantFrom('a:', ':x', '#', 'u:{SHA}', '$2y$', `n:${'t'.repeat(20)}`, `u:r:${'0'.repeat(32)}`),
  );
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      try {
        parse(lines.join('\n'));
      } catch (error) {
        assert.match((error as Error).message, /^(line \d+ is|the hash in line \d+|it has no user|it holds no token)/);
      }
    }),
  );
}

describe('htpasswd', () => {
  // Made with `openssl passwd -apr1` and `htpasswd -s`; independent of the code under test.
  const APR1 = '$apr1$5HzQXoEn$s/RmTowEsrFPyihyWPRSP0';
  const SHA = '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=';

  it('parses users and names the line of a malformed or unsupported entry', () => {
    const users = parseHtpasswd(`# people\n\nann:${SHA}\r\nbob:${APR1}\n`);
    assert.deepEqual(
      [...users],
      [
        ['ann', SHA],
        ['bob', APR1],
      ],
    );
    assert.throws(() => parseHtpasswd('ann'), /^Error: line 1 is not of the form user:hash$/);
    for (const hash of ['rqXexS6ZhobKA', 'plain', '$6$x$y', '']) {
      assert.throws(() => parseHtpasswd(`\nann:${hash}`), /the hash in line 2 is none of bcrypt, apr1 and SHA/);
    }
    throwsOnlyOwnErrors(parseHtpasswd);
  });

  it('matches a password with its own hash only', async () => {
    const worker = new BcryptWorker();
    const bcryptHash = bcrypt.hashSync('pässword', 4);
    for (const [hash, right] of [
      [SHA, 'password'],
      [APR1, 'pässword'],
      [bcryptHash, 'pässword'],
      [bcryptHash.replace('$2b$', '$2y$'), 'pässword'],
    ] as const) {
      assert.equal(await matchesPassword(right, hash, worker), true, hash);
      assert.equal(await matchesPassword(`${right} `, hash, worker), false, hash);
      assert.equal(await matchesPassword('', hash, worker), false, hash);
    }
    worker.close();
  });

  it('rejects queued and later passwords once the worker is closed', async () => {
    const worker = new BcryptWorker();
    const hash = bcrypt.hashSync('x', 12);
    const waiting = Promise.allSettled([worker.compare('x', hash), worker.compare('y', hash)]);
    worker.close();
    for (const outcome of await waiting)
      assert.match(String((outcome as PromiseRejectedResult).reason), /the agent stops/);
    assert.throws(() => worker.compare('x', hash), /the agent stops/);
  });

  it('rejects passwords with 503 when too many are queued', async () => {
    const worker = new BcryptWorker();
    const hash = bcrypt.hashSync('x', 4);
    const asked = Array.from({ length: 100 }, async () => worker.compare('x', hash));
    const outcomes = await Promise.allSettled(asked);
    const refused = outcomes.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
    assert.ok(refused.length > 0);
    assert.equal(refused[0]!.reason.status, 503);
    assert.ok(outcomes.some((outcome) => outcome.status === 'fulfilled' && outcome.value));
    worker.close();
  });
});

describe('digest', () => {
  const users = parseHtdigest(`ann:here:${md5('ann:here:secret')}\nbob:there:${md5('bob:there:x')}\n`, 'here');
  let now = 1_000_000;
  const digest = new DigestAuthenticator(
    'here',
    () => users,
    () => now,
  );
  const nonceOf = (challenge: string) => parseDigest(challenge).nonce!;

  function header(nonce: string, changes: Record<string, string> = {}, password = 'secret'): string {
    const members = {
      username: 'ann',
      realm: 'here',
      nonce,
      uri: '/x?y',
      nc: '00000001',
      cnonce: 'c',
      qop: 'auth',
      ...changes,
    };
    const { username, realm, uri, nc, cnonce, qop } = members;
    const secret = md5(`${username}:${realm}:${password}`);
    const response = md5(`${secret}:${nonce}:${nc}:${cnonce}:${qop}:${md5(`GET:${uri}`)}`);
    return `Digest ${Object.entries({ ...members, response })
      .map(([name, value]) => `${name}="${value}"`)
      .join(', ')}`;
  }

  it('parses the users of a realm', () => {
    assert.deepEqual([...users.keys()], ['ann']);
    assert.throws(() => parseHtdigest('a:b', 'here'), /line 1 is not of the form user:realm:md5/);
    assert.throws(() => parseHtdigest(`a:there:${md5('')}`, 'here'), /no user of the realm "here", only of "there"/);
    throwsOnlyOwnErrors((text) => parseHtdigest(text, 'here'));
  });

  it('accepts the right password once per nonce count', () => {
    const nonce = nonceOf(digest.challenge(false));
    assert.deepEqual(digest.verify(header(nonce), 'GET', '/x?y'), { user: 'ann' });
    assert.equal(digest.verify(header(nonce), 'GET', '/x?y'), 'stale');
    assert.deepEqual(digest.verify(header(nonce, { nc: '0000000a' }), 'GET', '/x?y'), { user: 'ann' });
    assert.equal(digest.verify(header(nonce, { nc: '00000009' }), 'GET', '/x?y'), 'stale');
  });

  it('rejects a wrong password, user, method, target, realm, qop or algorithm', () => {
    const nonce = nonceOf(digest.challenge(false));
    assert.equal(digest.verify(header(nonce, {}, 'Secret'), 'GET', '/x?y'), 'wrong');
    assert.equal(digest.verify(header(nonce, { username: 'bob' }), 'GET', '/x?y'), 'wrong');
    assert.equal(digest.verify(header(nonce), 'POST', '/x?y'), 'wrong');
    assert.equal(digest.verify(header(nonce), 'GET', '/x?z'), 'wrong');
    assert.equal(digest.verify(header(nonce, { realm: 'there' }), 'GET', '/x?y'), 'wrong');
    assert.equal(digest.verify(header(nonce, { qop: 'auth-int' }), 'GET', '/x?y'), 'wrong');
    assert.equal(digest.verify(header(nonce, { algorithm: 'SHA-256' }), 'GET', '/x?y'), 'wrong');
  });

  it('reports an expired or forged nonce as stale', () => {
    const nonce = nonceOf(digest.challenge(false));
    now += 301_000;
    assert.equal(digest.verify(header(nonce), 'GET', '/x?y'), 'stale');
    assert.equal(digest.verify(header('invented'), 'GET', '/x?y'), 'stale');
    assert.equal(digest.verify(header(`${now.toString(36)}-x.y`), 'GET', '/x?y'), 'stale');
    assert.match(digest.challenge(true), /stale=true/);
  });

  it('keeps a bounded number of nonces, and rejects a replay of a dropped one', () => {
    const first = nonceOf(digest.challenge(false));
    assert.deepEqual(digest.verify(header(first), 'GET', '/x?y'), { user: 'ann' });
    for (let i = 0; i < 1025; i++) {
      now += 1;
      digest.verify(header(nonceOf(digest.challenge(false))), 'GET', '/x?y');
    }
    assert.equal(digest.verify(header(first), 'GET', '/x?y'), 'stale');
  });

  it('rejects arbitrary headers without throwing', () => {
    fc.assert(fc.property(fc.string(), (text) => digest.verify(`Digest ${text}`, 'GET', '/') === 'wrong'));
    assert.equal(parseDigest('Digest username="a\\"b", nc=1').username, 'a"b');
  });
});

it('bearer tokens are found by their text, with or without a name', () => {
  const tokens = parseTokens('# for scrapers\nprometheus:abcdefghijklmnop\nqrstuvwxyz0123456789==\n');
  assert.equal(nameOfToken('abcdefghijklmnop', tokens), 'prometheus');
  assert.equal(nameOfToken('qrstuvwxyz0123456789==', tokens), 'token');
  assert.equal(nameOfToken('abcdefghijklmno', tokens), undefined);
  assert.throws(() => parseTokens('short'), /line 1 is neither a token/);
  assert.throws(() => parseTokens('# none\n'), /it holds no token/);
  throwsOnlyOwnErrors(parseTokens);
});

describe('FailureThrottle', () => {
  let now = 0;
  const make = () => new FailureThrottle(() => now);
  const from = (address: string, user = 'ann') => ({ address, user });
  const ann = from('192.0.2.1');

  it('delays a user at an address after five failures, twice as long each time, up to a minute', () => {
    const throttle = make();
    for (let i = 0; i < 4; i++) assert.equal(throttle.begin(ann), false);
    assert.equal(throttle.delayMs(ann), 0);
    assert.equal(throttle.begin(ann), true);
    assert.equal(throttle.delayMs(ann), 1000);
    now += 1000;
    assert.equal(throttle.delayMs(ann), 0);
    assert.equal(throttle.begin(ann), false);
    assert.equal(throttle.delayMs(ann), 2000);
    for (let i = 0; i < 20; i++) throttle.begin(ann);
    assert.equal(throttle.delayMs(ann), 60_000);
    assert.equal(throttle.delayMs(from('192.0.2.2')), 0, 'not the same user elsewhere');
    assert.equal(throttle.delayMs(from('192.0.2.1', 'bob')), 0, 'not another user of the same address');
    throttle.succeed(ann);
    assert.equal(throttle.delayMs(ann), 0);
  });

  it('delays an address that tries many users, and a user tried from many addresses', () => {
    const names = make();
    for (let i = 0; i < 99; i++) names.begin(from('192.0.2.1', `user ${i}`));
    assert.equal(names.delayMs(from('192.0.2.1', 'bob')), 0);
    assert.equal(names.begin(from('192.0.2.1', 'user 99')), true);
    assert.equal(names.delayMs(from('192.0.2.1', 'bob')), 1000);
    assert.equal(names.delayMs(from('192.0.2.2', 'user 99')), 0);
    names.succeed(from('192.0.2.1', 'user 99'));
    assert.equal(names.delayMs(from('192.0.2.1', 'bob')), 0, 'a successful attempt is not counted as a failure');
    const addresses = make();
    for (let i = 0; i < 100; i++) addresses.begin(from(`192.0.2.${i}`));
    assert.equal(addresses.delayMs(from('203.0.113.1')), 1000);
    assert.equal(addresses.delayMs(from('203.0.113.1', 'bob')), 0);
    for (let i = 0; i < 100; i++) addresses.begin(from(`198.51.100.${i}`, ''));
    assert.equal(addresses.delayMs(from('203.0.113.1', '')), 0, 'attempts without a user are not counted as one user');
  });

  it('drops failures after their expiry', () => {
    const throttle = make();
    for (let i = 0; i < 4; i++) throttle.begin(ann);
    now += 601_000;
    assert.equal(throttle.begin(ann), false);
    assert.equal(throttle.delayMs(ann), 0);
  });

  it('remembers a bounded number of addresses', () => {
    const throttle = make();
    for (let i = 0; i < 6; i++) throttle.begin(from('first', ''));
    for (let i = 0; i < 4095; i++) throttle.begin(from(`address ${i}`, ''));
    assert.ok(throttle.delayMs(from('first', '')) > 0);
    throttle.begin(from('one more', ''));
    assert.equal(throttle.delayMs(from('first', '')), 0);
  });

  it('treats the addresses of one IPv6 /64 as one', () => {
    assert.equal(networkOf('2001:db8:1:2:3:4:5:6'), networkOf('2001:0db8:1:2::ff%eth0'));
    assert.notEqual(networkOf('2001:db8:1:2::1'), networkOf('2001:db8:1:3::1'));
    assert.equal(networkOf('::ffff:192.0.2.1'), '192.0.2.1');
    fc.assert(fc.property(fc.oneof(fc.ipV6(), fc.ipV4(), fc.string()), (text) => typeof networkOf(text) === 'string'));
  });
});

it('on loopback only loopback names, the host name and configured names are accepted', () => {
  const known = (host: string | undefined, local: string | undefined, hosts: string[] = []) =>
    isKnownHost(host, local, hosts);
  for (const host of [
    'localhost',
    'LocalHost:8080',
    '127.0.0.1:80',
    '127.9.9.9',
    '[::1]:8080',
    'a.localhost',
    hostname(),
  ]) {
    assert.ok(known(host, '127.0.0.1'), host);
    assert.ok(known(host, '::1'), host);
  }
  for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', '', '[::2]', '10.0.0.1']) {
    assert.equal(known(host, '127.0.0.1'), false, host);
    assert.equal(known(host, '::ffff:127.0.0.1'), false, host);
  }
  assert.ok(known('Stats.example:443', '127.0.0.1', ['stats.example']));
  assert.ok(known('evil.example', '127.0.0.1', ['*']));
  assert.ok(known('any.example', '10.0.0.1'));
  assert.ok(known('10.0.0.1:8080', '10.0.0.1', ['stats.example']));
  assert.equal(known('evil.example', '10.0.0.1', ['stats.example']), false);
  assert.ok(known('anything', undefined));
  assert.ok(known(undefined, '127.0.0.1'));
});

it('a cross-origin request is detected by its Origin and Sec-Fetch-Site headers', () => {
  const elsewhere = (headers: Record<string, string>) => isCrossOrigin({ headers } as unknown as IncomingMessage);
  assert.equal(elsewhere({ host: 'a:1' }), false);
  assert.equal(elsewhere({ host: 'a:1', origin: 'http://a:1' }), false);
  assert.equal(elsewhere({ host: 'a:1', origin: 'http://b:1' }), true);
  assert.equal(elsewhere({ host: 'a:1', origin: 'null' }), true);
  assert.equal(elsewhere({ host: 'a:1', origin: 'http://a:1', 'sec-fetch-site': 'cross-site' }), true);
  assert.equal(elsewhere({ host: 'a:1', 'sec-fetch-site': 'same-origin' }), false);
});

it('the first matching rule applies, then the default rules', () => {
  const rules = [
    { path: '/metrics', allow: 'anyone', users: [] },
    { path: '/api/', allow: 'authenticated', users: ['ann'] },
    { path: '/api/v1.3/', allow: 'anyone', users: [] },
  ] as const;
  const of = (path: string) => ruleFor(path, rules as never);
  assert.equal(of('/metrics').allow, 'anyone');
  assert.equal(of('/metrics/x').allow, 'authenticated');
  assert.deepEqual(of('/api/v1.3/machine').users, ['ann']);
  assert.deepEqual(of('/api').users, ['ann']);
  assert.equal(of('/healthz').allow, 'anyone');
  assert.equal(of('/healthz/').allow, 'authenticated');
  assert.equal(of('/-/ready').allow, 'anyone');
  assert.equal(of('/-/reload').allow, 'authenticated');
  assert.equal(of('/').allow, 'authenticated');
});
