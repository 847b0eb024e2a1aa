// Commands that ask a running agent prove who asks: by every way that an agent takes, and by its own files on its host.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { AgentProcess } from '../support/agent-process.js';
import { TestAuthority } from '../support/certificates.js';
import { CommandLine } from '../support/command-line.js';
import { needs } from '../support/needs.js';

const TOKEN = 'a-token-of-the-test-0123456789';
const OTHER_TOKEN = 'b-token-of-the-test-0123456789';
const PASSWORD = 'open sesame';

const folder = mkdtempSync(join(tmpdir(), `tallyman-test-${process.pid}-`));
const running: AgentProcess[] = [];
const commands = new CommandLine();
after(async () => {
  await commands.stop();
  for (const agent of running) await agent.stop();
  rmSync(folder, { recursive: true, force: true });
});

function put(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

const password = put('password', `${PASSWORD}\n`);
const wrong = put('wrong', 'open barley\n');
const tokens = put('tokens', `# who scrapes\nscraper:${TOKEN}\nops:${OTHER_TOKEN}\n`);
const htpasswd = put('htpasswd', `ann:{SHA}${createHash('sha1').update(PASSWORD).digest('base64')}\n`);
const hash = createHash('md5').update(`ann:tallyman:${PASSWORD}`).digest('hex');
const htdigest = put('htdigest', `ann:tallyman:${hash}\n`);

async function agentWith(web: string, listen = '127.0.0.1:0'): Promise<AgentProcess> {
  const text = `web:
  listen: ['${listen}']
${web}
plugins:
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
  - { use: raw, with: { include: ['/'] } }
`;
  const agent = await AgentProcess.start(text, []);
  running.push(agent);
  return agent;
}

/** Runs a command; without a runtime directory it finds no agent's note, as on another host. */
const tallyman = (args: readonly string[], runtime = folder) =>
  commands.run(args, folder, { PATH: process.env.PATH, TALLYMAN_RUNTIME_DIRECTORY: runtime });

/** Asks by each command that takes `--url`. */
async function assertAnswered(url: string, flags: readonly string[], runtime = folder): Promise<void> {
  const doctor = await tallyman(['doctor', '--json', '--url', url, ...flags], runtime);
  assert.ok('findings' in JSON.parse(doctor.out || '{}'), doctor.error);
  const cardinality = await tallyman(['cardinality', '--json', '--url', url, ...flags], runtime);
  assert.equal(cardinality.status, 0, cardinality.error);
  assert.ok(JSON.parse(cardinality.out));
  const reload = await tallyman(['reload', '--url', url, ...flags], runtime);
  assert.deepEqual([reload.status, reload.out.endsWith(' is active: nothing has changed\n')], [0, true], reload.error);
}

describe('commands that ask an agent over HTTP', () => {
  let agent: AgentProcess;
  before(async () => {
    agent = await agentWith(`  auth:
    basic: { file: ${htpasswd} }
    bearer: { file: ${tokens} }
    rules: [{ path: /-/doctor, users: [ops] }]`);
  });

  it('authenticate with a password file', async () => {
    const flags = ['--user', 'ann', '--password-file', password];
    assert.equal((await tallyman(['cardinality', '--url', agent.url, ...flags])).status, 0);
  });

  it('authenticate with a token file, by the named token or the first', async () => {
    await assertAnswered(agent.url, ['--token-file', tokens, '--user', 'ops']);
    const { status, error } = await tallyman(['doctor', '--url', agent.url, '--token-file', tokens]);
    assert.equal(status, 1);
    assert.match(error, /\/-\/doctor answers 403: scraper is not allowed to access \/-\/doctor/);
  });

  it('name the authentication flags when credentials are missing or wrong', async () => {
    for (const flags of [[], ['--user', 'ann', '--password-file', wrong]]) {
      const { status, out, error } = await tallyman(['reload', '--url', agent.url, ...flags]);
      assert.deepEqual([status, out], [1, '']);
      assert.match(error, /^tallyman: \S+\/-\/reload requires authentication\n +--token-file FILE, /);
      assert.ok(!error.includes('barley'));
    }
  });

  it('use the agent’s own files on its host', async () => {
    await assertAnswered(agent.url, ['--user', 'ops'], agent.runtimeDirectory);
    await assertAnswered(agent.url.replace('127.0.0.1', 'localhost'), ['--user', 'ops'], agent.runtimeDirectory);
  });

  it('report why a reload is rejected', async () => {
    const other = await agentWith(`  auth: { bearer: { file: ${tokens} } }`);
    other.configure('housekeeping: { interval: fast }\n');
    const { status, error } = await tallyman(['reload', '--url', other.url, '--token-file', tokens]);
    assert.equal(status, 78);
    assert.match(error, /the configuration from before stays active: .*housekeeping\.interval/);
    await other.stop();
  });

  it('reject passwords in URLs and incomplete flags', async () => {
    const url = agent.url.replace('//', `//ann:${PASSWORD.replace(' ', '%20')}@`);
    for (const [args, expected] of [
      [['--url', url], /--url must not contain a password.*\n +--user NAME --password-file FILE/],
      [['--url', agent.url, '--password-file', password], /--password-file does nothing without --user/],
      [['--url', agent.url, '--cert', password], /--cert does nothing without --key/],
      [['--url', agent.url, '--token-file', join(folder, 'none')], /--token-file: .*none cannot be read: ENOENT/],
      [['--url', agent.url, '--token-file', password], /--token-file: .*password: line 1 is neither a token/],
    ] as const) {
      const { status, error } = await tallyman(['doctor', ...args]);
      assert.equal(status, 1);
      assert.match(error, expected);
      assert.ok(!error.includes(PASSWORD));
    }
  });
});

it('commands authenticate with Digest, by a password or the agent’s own file', async () => {
  const agent = await agentWith(`  auth: { digest: { file: ${htdigest} } }`);
  await assertAnswered(agent.url, ['--user', 'ann', '--password-file', password]);
  await assertAnswered(agent.url, [], agent.runtimeDirectory);
  assert.equal((await tallyman(['doctor', '--url', agent.url])).status, 1);
  await agent.stop();
});

it('commands accept a unix socket as the address', async () => {
  const socket = join(folder, 'http.sock');
  const agent = await agentWith(`  auth: { bearer: { file: ${tokens} } }`, `unix:${socket}`);
  await assertAnswered(`unix:${socket}`, ['--token-file', tokens]);
  await assertAnswered(`unix:${socket}`, [], agent.runtimeDirectory);
  await agent.stop();
});

describe('commands that ask an agent over TLS', { skip: needs('openssl') }, () => {
  const authority = new TestAuthority(folder);
  const server = authority.issue('agent.example', 'server');
  const client = authority.issue('ops', 'client');
  const tls = `  tls: { cert: ${server.cert}, key: ${server.key}`;

  it('verify the certificate with the given authority or the agent’s file', async () => {
    const agent = await agentWith(`${tls} }\n  auth: { bearer: { file: ${tokens} } }`);
    await assertAnswered(agent.url, ['--ca', authority.ca, '--token-file', tokens]);
    await assertAnswered(agent.url, [], agent.runtimeDirectory);
    const stranger = await tallyman(['doctor', '--url', agent.url, '--token-file', tokens]);
    assert.equal(stranger.status, 1);
    assert.match(stranger.error, /cannot be verified as the agent: .*\n +--ca FILE names the authority/);
    await agent.stop();
  });

  it('authenticate with a client certificate', async () => {
    const agent = await agentWith(`${tls}, clientCa: ${authority.ca}, clientCertificates: required }`);
    const ca = ['--ca', authority.ca];
    await assertAnswered(agent.url, [...ca, '--cert', client.cert, '--key', client.key]);
    const { status, error } = await tallyman(['doctor', '--url', agent.url, ...ca]);
    assert.equal(status, 1);
    assert.match(error, /requires a client certificate: .*\n +--cert FILE --key FILE/);
  });
});

it('commands send no secret to a server that is not the agent', async () => {
  const agent = await agentWith(`  auth: { bearer: { file: ${tokens} } }`);
  const seen: (string | undefined)[] = [];
  const impostor = createServer((request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(401, { 'WWW-Authenticate': 'Bearer' }).end();
  });
  await new Promise<void>((resolve) => impostor.listen(0, '127.0.0.1', resolve));
  const { port } = impostor.address() as { port: number };
  const { status } = await tallyman(['doctor', '--url', `http://127.0.0.1:${port}`], agent.runtimeDirectory);
  impostor.close();
  assert.equal(status, 1);
  assert.deepEqual(seen, [undefined]);
});
