// Whatever a client sends is answered: no fault, no 5xx, no connection that just closes; and every number is exact.
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import fc from 'fast-check';
import { sendBytes } from '../support/http-server.js';
import { containerFromInfo, fakeAgent } from './world/fake-agent.js';
import { golden, goldenObject } from './world/golden.js';
import { storageFor } from './world/recorded-agent.js';
import type { JsonObject } from './world/recorded-samples.js';
import { column } from './world/samples.js';
import { type Served, send, serveAgent } from './world/served.js';

let served: Served;
before(async () => {
  const docker = Object.values(goldenObject('v1.2-docker-all.json')).map((info) =>
    containerFromInfo(info as JsonObject),
  );
  const raw = (golden('v1.1-subcontainers-graw.json') as JsonObject[]).map(containerFromInfo);
  const storage = storageFor(golden('v2.0-storage.json') as JsonObject[]);
  served = await serveAgent(fakeAgent({ ...storage, containers: [...storage.containers!, ...docker, ...raw] }));
});
after(async () => {
  await served.server.stop(0);
  assert.deepEqual(served.faults, []);
});

const TYPES =
  'containers machine subcontainers docker version attributes spec stats storage summary appmetrics ps machinestats events'.split(
    ' ',
  );
const oddText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom(
    '..',
    '.',
    '',
    'graw',
    'docker',
    'web',
    '%',
    '%zz',
    '%2F',
    '%00',
    '%ff%fe',
    '~',
    '__proto__',
    'constructor',
  ),
);
const segment = oddText.map((text) =>
  text
    .toWellFormed()
    .replace(/[^\x21-\x7e]/gu, encodeURIComponent)
    .replace(/[?#]/g, ''),
);
const parameter = fc
  .tuple(
    fc.constantFrom(
      'type',
      'count',
      'recursive',
      'max_age',
      'uuid',
      'label',
      'x',
      'start_time',
      'end_time',
      'max_events',
      'all_events',
    ),
    fc.oneof(
      oddText,
      fc.constantFrom('docker', 'podman', 'name', '-1', '0', '3', 'true', '10s', '1e3', '99999999999999999999'),
    ),
  )
  .map(([key, value]) => `${key}=${value.toWellFormed().replace(/[^\x21-\x7e]/gu, encodeURIComponent)}`);
const target = fc
  .tuple(
    fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom('v1.0', 'v1.1', 'v1.2', 'v1.3', 'v2.0', 'v2.1') },
      { weight: 1, arbitrary: segment },
    ),
    fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...TYPES) }, { weight: 1, arbitrary: segment }),
    fc.array(segment, { maxLength: 4 }),
    fc.array(parameter, { maxLength: 4 }),
  )
  .map(([version, type, args, query]) => `/api/${[version, type, ...args].join('/')}?${query.join('&')}`);

it('thousands of random request targets are answered', async () => {
  const method = fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD');
  await fc.assert(
    fc.asyncProperty(target, method, async (path, verb) => {
      const { status, headers, body } = await send(served.url, path, verb);
      assert.ok([200, 301, 400, 404].includes(status), `${status} ${body}`);
      if (status === 200 && verb !== 'HEAD') JSON.parse(body);
      if (status >= 400) {
        assert.equal(headers['content-type'], 'text/plain; charset=utf-8');
        assert.equal(headers['x-content-type-options'], 'nosniff');
        if (verb !== 'HEAD') assert.match(body, /^[^\r\n]+\n$/);
      }
    }),
    { numRuns: 3000 },
  );
});

it('random bodies are answered', async () => {
  const member = fc.record(
    {
      num_stats: fc.oneof(fc.integer(), fc.double(), fc.string()),
      START: fc.oneof(
        fc.string(),
        fc.constantFrom(
          '2026-11-24T11:06:53.5Z',
          '0001-01-01T00:00:00Z',
          '2026-02-30T00:00:00Z',
          '2026-11-24T11:06:53+02:00',
        ),
      ),
      end: fc.oneof(fc.constant(null), fc.jsonValue()),
      other: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  const body = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    fc.tuple(member, fc.constantFrom('', ' rubbish', '{}', ']')).map(([object, rest]) => JSON.stringify(object) + rest),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('containers/graw', 'subcontainers/graw', 'docker/web', 'docker'),
      body,
      async (path, text) => {
        const { status, body: answer } = await send(served.url, `/api/v1.3/${path}`, 'POST', text);
        if (status === 200) JSON.parse(answer);
        else assert.match(`${status} ${answer}`, /^400 (unable to decode the json value: |invalid num_stats )/);
      },
    ),
    { numRuns: 1000 },
  );
});

it('random bytes on the connection are answered', async () => {
  const port = Number(new URL(served.url).port);
  const line = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    target.map((path) => Buffer.from(`GET ${path} HTTP/1.1`)),
  );
  await fc.assert(
    fc.asyncProperty(line, fc.uint8Array({ maxLength: 60 }), async (first, second) => {
      const bytes = Buffer.concat([
        Buffer.from('G'),
        first,
        Buffer.from('\r\nHost: localhost\r\nConnection: close\r\n'),
        second,
        Buffer.from('\r\n\r\n'),
      ]);
      assert.match(await sendBytes(port, bytes), /^HTTP\/1\.1 (200|301|307|400|404|405|408|413|414|431) /);
    }),
    { numRuns: 300 },
  );
});

it('count accepts numbers from -1 to 2^32 - 1 and rejects others', async () => {
  const samples = Array.from({ length: 5 }, (_, i) => ({ time: 1e15 + i * 1e6, cells: [] }));
  const { url, server } = await serveAgent(fakeAgent({ containers: [{ name: '/a', samples }] }));
  const text = fc.oneof(
    fc.integer({ min: -3, max: 8 }).map(String),
    fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map(String),
    fc.string(),
  );
  try {
    await fc.assert(
      fc.asyncProperty(text, async (count) => {
        const { status, body } = await send(url, `/api/v2.0/stats/a?count=${encodeURIComponent(count.toWellFormed())}`);
        const number = /^-?\d+$/.test(count) ? BigInt(count) : undefined;
        const valid = count === '' || (number !== undefined && number >= -1n && number < 2n ** 32n);
        assert.equal(status, valid ? 200 : 400, body);
        if (!valid) return;
        const wanted = count === '' || number! < 0n ? 5 : Math.min(5, Number(number));
        assert.equal(JSON.parse(body)['/a'].length, wanted);
      }),
      { numRuns: 300 },
    );
  } finally {
    await server.stop(0);
  }
});

it('every u64 and i64 is printed exactly by every version', async () => {
  const numbers = fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { minLength: 3, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(
      numbers,
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      async ([usage, total, rx], soft) => {
        const cells = [
          [column('cpu.usage.total'), total!] as const,
          [column('memory.usage'), usage!] as const,
          [column('network.rx_bytes', ['eth0']), rx!] as const,
          [column('processes.ulimit.soft', ['max_open_files']), soft] as const,
        ];
        const limits = { hasCpu: true, hasMemory: true, hasProcesses: true };
        const container = { name: '/a', limits, parts: ['network'] as const, samples: [{ time: 1e15, cells }] };
        const { url, server } = await serveAgent(fakeAgent({ containers: [container] }));
        try {
          for (const path of ['/api/v1.0/containers/a', '/api/v2.0/stats/a', '/api/v2.1/stats/a']) {
            const { body } = await send(url, path);
            assert.ok(body.includes(`"usage":{"total":${total},`), body);
            assert.ok(body.includes(`"memory":{"usage":${usage},`), body);
            assert.ok(body.includes(`{"name":"eth0","rx_bytes":${rx},`), body);
            assert.ok(body.includes(`"soft_limit":${soft},"hard_limit":0}`), body);
          }
        } finally {
          await server.stop(0);
        }
      },
    ),
    { numRuns: 60 },
  );
});
