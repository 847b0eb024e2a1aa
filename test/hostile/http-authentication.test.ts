// Attacks against authentication, over the wire: who knows no secret gets nothing, and keeps nobody out who does.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import bcrypt from 'bcryptjs';
import fc from 'fast-check';
import { digestAuthorization, parseDigest } from '../../src/kernel/http/index.js';
import { AgentProcess } from '../support/agent-process.js';
import { sendBytes } from '../support/http-server.js';
import { LIMIT_MS } from './limit.js';

const TOKEN = 'a-token-of-the-test-0123456789';
const SEED = 19_754;
const md5 = (text: string) => createHash('md5').update(text).digest('hex');
const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

describe('attacks against authentication', { timeout: LIMIT_MS }, () => {
  const directory = mkdtempSync(join(tmpdir(), `tallyman-test-${process.pid}-`));
  let agent: AgentProcess;
  let port: number;

  function secret(name: string, text: string): string {
    const file = join(directory, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  }

  before(async () => {
    const htpasswd = secret('htpasswd', `ann:${bcrypt.hashSync('long password', 4)}\n`);
    const htdigest = secret('htdigest', `dan:here:${md5('dan:here:secret')}\n`);
    agent = await AgentProcess.start(`
web:
  auth:
    basic: { file: ${htpasswd} }
    digest: { file: ${htdigest}, realm: here }
    bearer: { file: ${secret('tokens', `scraper:${TOKEN}\n`)} }
plugins: [{ use: docker, enabled: false }, { use: podman, enabled: false }]
`);
    port = Number(new URL(agent.url).port);
  });
  after(async () => {
    await agent?.stop();
    rmSync(directory, { recursive: true });
  });

  /** Sends headers as they are. @returns the status of the first answer */
  async function statusOf(headers: readonly string[], target = '/-/status'): Promise<number> {
    const lines = [`GET ${target} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...headers];
    const answer = await sendBytes(port, `${lines.join('\r\n')}\r\n\r\n`);
    return Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
  }

  async function digestHeader(password: string, target = '/-/status'): Promise<string> {
    const challenge = (await fetch(`${agent.url}/-/status`)).headers.get('www-authenticate')!;
    const { nonce } = parseDigest(challenge.split(', Basic')[0]!);
    return digestAuthorization(`Digest realm="here", nonce="${nonce}", algorithm=MD5, qop="auth"`, {
      user: 'dan',
      method: 'GET',
      target,
      hashOf: (realm) => md5(`dan:${realm}:${password}`),
    })!;
  }

  it('that alter valid credentials are rejected, and the credentials stay valid', async () => {
    const right = [`Bearer ${TOKEN}`, basic('ann:long password'), await digestHeader('secret')];
    for (const header of right) assert.equal(await statusOf([`Authorization: ${header}`]), 200, header);
    const change = fc.tuple(
      fc.constantFrom(...right),
      fc.nat({ max: 60 }),
      fc.constantFrom('cut', 'drop', 'flip', 'insert', 'twice', 'other scheme'),
      fc.stringMatching(/^[\x21-\x7e]$/),
    );
    const changed = fc.sample(change, { seed: SEED, numRuns: 1500 }).map(([header, at, how, letter]) => {
      const scheme = header.indexOf(' ') + 1;
      const place = Math.min(scheme + at, header.length - 1);
      if (how === 'cut') return [`Authorization: ${header.slice(0, place)}`];
      if (how === 'drop') return [`Authorization: ${header.slice(0, place)}${header.slice(place + 1)}`];
      if (how === 'insert') return [`Authorization: ${header.slice(0, place)}${letter}${header.slice(place)}`];
      if (how === 'flip') return [`Authorization: ${header.slice(0, place)}${letter}${header.slice(place + 1)}`];
      if (how === 'twice') return [`Authorization: Bearer ${letter}`, `Authorization: ${header}`];
      return [`Authorization: Negotiate ${header.slice(scheme)}`, `Proxy-Authorization: ${header}`];
    });
    const attacks = changed.filter(([first]) => !meansTheSame(first!, right));
    const statuses = new Map<number, number>();
    for (let i = 0; i < attacks.length; i += 10) {
      const answers = await Promise.all(attacks.slice(i, i + 10).map((headers) => statusOf(headers)));
      for (const [at, status] of answers.entries()) {
        assert.ok([400, 401, 429].includes(status), `${status}: ${attacks[i + at]}`);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    }
    assert.ok(attacks.length > 1000 && statuses.get(401)! > 100, `${attacks.length}: ${[...statuses]}`);
    for (const header of right.slice(0, 2)) assert.equal(await statusOf([`Authorization: ${header}`]), 200, header);
    assert.equal(await statusOf([`Authorization: ${await digestHeader('secret')}`]), 200);
  });

  it('that replay a Digest response are accepted at most once, also concurrently', async () => {
    const captured = `Authorization: ${await digestHeader('secret')}`;
    const statuses = await Promise.all(Array.from({ length: 50 }, () => statusOf([captured])));
    assert.deepEqual(
      statuses.filter((status) => status !== 401),
      [200],
    );
    assert.ok([401, 429].includes(await statusOf([captured], '/metrics')), 'of another target');
  });

  it('that disguise a path as a public one are rejected', async () => {
    for (const target of [
      '/healthz/../metrics',
      '/-/ready/..%2f..%2fmetrics',
      'http://localhost/metrics',
      '/healthz%00/metrics',
      '/healthz;/../metrics',
      '/-/READY',
      '//metrics',
    ]) {
      const status = await statusOf([], target);
      assert.ok([301, 400, 401].includes(status), `${target}: ${status}`);
    }
    const smuggled =
      'GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n' +
      'GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
    assert.doesNotMatch(await sendBytes(port, smuggled), /process_cpu|tallyman_/);
  });
});

/** Whether a header that was changed still shows the same secret: schemes have no case, base64 and members have leeway. */
function meansTheSame(line: string, right: readonly string[]): boolean {
  const header = line.slice('Authorization: '.length);
  const [token, password, digest] = right as [string, string, string];
  if (header.trim() === token) return true;
  if (/^basic /i.test(header)) return sameBytes(header, password);
  if (!/^digest /i.test(header)) return false;
  // One nonce was used with its count: what is left of a Digest header is a replay, and refused.
  return digest === '';
}

function sameBytes(a: string, b: string): boolean {
  const decode = (text: string) => Buffer.from(text.slice('Basic '.length), 'base64');
  return decode(a).equals(decode(b));
}
