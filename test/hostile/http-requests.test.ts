// What clients may send without being let in or not: nothing makes the agent answer 500, and nothing keeps others out.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { AgentProcess } from '../support/agent-process.js';
import { overSocket } from '../support/over-socket.js';
import { LIMIT_MS } from './limit.js';

const CONFIG = (more: string) => `
web: { ${more} }
plugins:
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
  - { use: raw, with: { include: ['/', '/tallyman-test-none'] } }
`;
/** The same requests in every run. */
const SEED = 28_004;
const CONCURRENT = 8;

const oddText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 10 }),
  fc.constantFrom('', '.', '..', '%', '%zz', '%2e%2e', '%2F', '%00', '%ff%fe', '~', '*', '__proto__', 'a'.repeat(300)),
);
const asTarget = (text: string) => text.toWellFormed().replace(/[^\x21-\x7e]/gu, encodeURIComponent);
const parameter = fc
  .tuple(
    fc.constantFrom('count', 'type', 'recursive', 'max_age', 'label', 'start_time', 'sort', 'format', 'seconds', 'x'),
    fc.oneof(oddText, fc.constantFrom('-1', '1e9', '18446744073709551616', 'true', 'docker', '0001-01-01T00:00:00Z')),
  )
  .map(([name, value]) => `${name}=${asTarget(value)}`);
const header = fc.tuple(
  fc.constantFrom('Accept', 'Accept-Encoding', 'Range', 'If-None-Match', 'Origin', 'Authorization', 'Cookie', 'Expect'),
  fc.oneof(
    fc.stringMatching(/^[\x20-\x7e]{0,40}$/),
    fc.constantFrom(
      'application/openmetrics-text;version=9;q=nan, */*;q=-1',
      'gzip;q=0, zstd;q=2, br',
      'bytes=0-1,5-,-9',
      'Basic ====',
      'Bearer',
      'Digest nonce=',
      '\xff\xfe',
    ),
  ),
);

/** Requests of one kind for each of these routes and for what lies below and beside them. */
const requestsFor = (routes: readonly string[]) =>
  fc.record({
    method: fc.constantFrom('GET', 'GET', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE'),
    path: fc
      .tuple(
        fc.constantFrom(...routes),
        fc.array(oddText.map(asTarget), { maxLength: 3 }),
        fc.array(parameter, { maxLength: 3 }),
      )
      .map(([route, below, query]) => `${route}${below.join('/').replace(/[?#]/g, '')}?${query.join('&')}`),
    headers: fc.array(header, { maxLength: 2 }).map((pairs) => Object.fromEntries(pairs)),
    body: fc.option(oddText, { nil: undefined }),
  });
type OddRequest = ReturnType<typeof requestsFor> extends fc.Arbitrary<infer T> ? T : never;

describe('random requests', { timeout: LIMIT_MS }, () => {
  let agent: AgentProcess;
  const connections = new Agent({ keepAlive: true, maxSockets: CONCURRENT });
  before(async () => {
    agent = await AgentProcess.start(CONFIG('requestTimeout: 20s'));
  });
  after(async () => {
    connections.destroy();
    await agent?.stop();
  });

  function statusOf({ method, path, headers, body }: OddRequest): Promise<number> {
    return new Promise((resolve, reject) => {
      const outgoing = request(`${agent.url}/`, {
        method,
        path,
        headers,
        agent: connections,
        insecureHTTPParser: true,
      });
      outgoing.once('response', (answer) => {
        answer.resume().once('end', () => resolve(answer.statusCode!));
        answer.once('error', reject);
      });
      outgoing.once('error', reject).end(['POST', 'PUT', 'PATCH'].includes(method) ? body : undefined);
    });
  }

  it('to every route are answered without a 500', async () => {
    const { routes } = await agent.json<{ routes: string[] }>('/-/status');
    const versions = ['v1.0', 'v1.3', 'v2.0', 'v2.1'].flatMap((version) =>
      [
        'containers',
        'subcontainers',
        'docker',
        'spec',
        'stats',
        'summary',
        'machine',
        'ps',
        'events',
        'attributes',
      ].map((type) => `/api/${version}/${type}/`),
    );
    // A reload takes longer than everything else and has a test of its own.
    const asked = [...routes.filter((route) => route !== '/-/reload'), ...versions, '/nothing/'];
    const odd = fc.sample(requestsFor(asked), { seed: SEED, numRuns: 3000 });
    const counts = new Map<number, number>();
    const client = async (): Promise<void> => {
      for (let next = odd.pop(); next !== undefined; next = odd.pop()) {
        const status = await statusOf(next).catch((error: Error) => assert.fail(`${JSON.stringify(next)}: ${error}`));
        assert.ok(status < 500, `${status} ${JSON.stringify(next)}`);
        counts.set(status, (counts.get(status) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENT }, client));
    for (const status of [200, 400, 404]) assert.ok((counts.get(status) ?? 0) > 50, `${status}: ${counts.get(status)}`);
    const plugins = await agent.json<{ id: string; state: string; last_error?: string }[]>('/api/plugins');
    assert.deepEqual(
      plugins.filter(({ last_error }) => last_error !== undefined),
      [],
    );
    assert.doesNotMatch(agent.output, /uncaught|unhandled|internal error/i);
  });
});

describe('half-open connections', { timeout: LIMIT_MS }, () => {
  let agent: AgentProcess;
  let socketPath: string;
  before(async () => {
    agent = await AgentProcess.start(CONFIG("listen: ['127.0.0.1:0'], requestTimeout: 3s"), []);
    socketPath = join(agent.runtimeDirectory, 'http.sock');
    agent.configure(CONFIG(`listen: ['127.0.0.1:0', 'unix:${socketPath}'], requestTimeout: 3s`));
    assert.equal((await fetch(`${agent.url}/-/reload`, { method: 'POST' })).status, 200);
  });
  after(() => agent?.stop());

  const descriptors = () => readdirSync(`/proc/${agent.pid}/fd`).length;

  it('do not block the unix socket, and are closed after the time limit', async () => {
    const before = descriptors();
    const pieces = [
      '',
      'G',
      'GET / HTTP/1.1\r\n',
      'GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: ',
      'POST / HTTP/1.1\r\nContent-Length: 9\r\nHost: localhost\r\n\r\na',
    ];
    const port = Number(new URL(agent.url).port);
    const sockets: Socket[] = Array.from({ length: 500 }, () => connect(port, '127.0.0.1'));
    const closed = sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    for (const [index, socket] of sockets.entries()) {
      socket.on('error', () => {}).resume();
      socket.write(pieces[index % pieces.length]!);
    }
    await Promise.all(sockets.map((socket) => Promise.race([once(socket, 'connect'), once(socket, 'close')])));
    assert.deepEqual(await overSocket(socketPath, '/healthz'), [200, 'ok']);
    assert.equal((await overSocket(socketPath, '/metrics'))[0], 200);
    await Promise.all(closed);
    await agent.until('/-/status', () => descriptors() <= before + 5, 'its descriptors back');
  });
});
