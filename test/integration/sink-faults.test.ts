// What sinks do when their receivers fail, with the real delivery and servers that fail on purpose.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import type { PluginContext, Sink, SinkStatus } from '../../src/kernel/contracts/index.js';
import elasticsearch from '../../src/plugins/sinks/elasticsearch/index.js';
import file from '../../src/plugins/sinks/file/index.js';
import influxdb from '../../src/plugins/sinks/influxdb/index.js';
import kafka from '../../src/plugins/sinks/kafka/index.js';
import otlp from '../../src/plugins/sinks/otlp/index.js';
import redis from '../../src/plugins/sinks/redis/index.js';
import remoteWrite from '../../src/plugins/sinks/remote-write/index.js';
import statsd from '../../src/plugins/sinks/statsd/index.js';
import { until } from '../../src/testing/clock.js';
import { testContext } from '../../src/testing/index.js';
import { TestAuthority } from '../support/certificates.js';
import { freePort } from '../support/free-port.js';
import { HostileServer } from '../support/hostile-servers.js';
import { needs } from '../support/needs.js';
import { RecordingServer, type Reply } from '../support/recording-server.js';
import { deliveryBench, sampledContainer } from '../support/sink-bench.js';

interface SinkPlugin {
  readonly configSchema: { parse(options: unknown): unknown };
  create(context: PluginContext, options: never): Sink;
}

/** Pauses between attempts are over within a round. */
const RETRY = { first: '1s', longest: '1s' };
const WRITTEN = { 'X-Prometheus-Remote-Write-Samples-Written': '1000000' };

const HTTP_SINKS: readonly {
  readonly name: string;
  readonly plugin: unknown;
  readonly options: (url: string) => object;
  /** The answer to a batch that was taken. */
  readonly taken: Reply;
}[] = [
  { name: 'remote-write 1.0', plugin: remoteWrite, options: (url) => ({ url }), taken: { status: 204 } },
  {
    name: 'remote-write 2.0',
    plugin: remoteWrite,
    options: (url) => ({ url, version: 2 }),
    taken: { status: 204, headers: WRITTEN },
  },
  { name: 'influxdb', plugin: influxdb, options: (url) => ({ url, bucket: 'b' }), taken: { status: 204 } },
  {
    name: 'elasticsearch',
    plugin: elasticsearch,
    options: (url) => ({ url }),
    taken: { status: 200, body: '{"errors":false}' },
  },
  { name: 'otlp', plugin: otlp, options: (endpoint) => ({ endpoint }), taken: { status: 200 } },
];

const PAGE = '<html><body><h1>Bad Gateway</h1></body></html>';
const HTML = { 'Content-Type': 'text/html' };

/** Answers after which the same batch is sent again, and what the failure says. */
const PASSING: readonly (readonly [what: string, reply: Reply | 'hang', failure: RegExp])[] = [
  ['429', { status: 429, headers: { 'Retry-After': '2' }, body: 'slow down' }, /answers 429: slow down/],
  ['500', { status: 500, body: 'broken' }, /answers 500: broken/],
  ['a web page with 502', { status: 502, headers: HTML, body: PAGE }, /answers 502: Bad Gateway/],
  ['a web page with 200', { status: 200, headers: HTML, body: PAGE }, /a web page, as no receiver answers/],
  ['507, as its disk is full', { status: 507, body: 'disk full' }, /answers 507: disk full/],
  ['401, as the credentials are wrong', { status: 401, body: 'who are you' }, /answers 401: who are you/],
  ['nothing', 'hang', /did not answer within 2000 ms/],
];

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

function benchFor(plugin: unknown, options: object) {
  const { configSchema, create } = plugin as SinkPlugin;
  const context = testContext({ agent: {} as never });
  const parsed = configSchema.parse({ host: 'h', retry: RETRY, ...options }) as never;
  // OTLP asks the agent for the machine.
  Object.assign(context.agent, { version: '1', host: { machine: () => ({ machine_id: '' }) } });
  const sink = create(context, parsed);
  const bench = deliveryBench(sink);
  stops.push(() => sink.stop?.());
  return bench;
}

const ONE = sampledContainer('/a', [1, 5]);

async function untilStatus(
  { delivery, lines }: ReturnType<typeof benchFor>,
  fits: (status: SinkStatus) => boolean,
): Promise<SinkStatus> {
  await until(
    () => fits(delivery.status()),
    () => `${JSON.stringify(delivery.status())} ${lines.join('\n')}`,
  );
  return delivery.status();
}

/** Lets a round pass in which the receiver fails. */
async function expectFailure(bench: ReturnType<typeof benchFor>, failure: RegExp): Promise<void> {
  bench.show(ONE);
  await bench.delivery.start();
  await bench.round();
  const { queue, dropped, failure: said } = await untilStatus(bench, (status) => status.failure !== undefined);
  assert.match(said!, failure);
  assert.equal(queue.batches, 1, 'the batch waits');
  assert.deepEqual(dropped, {});
  assert.ok(bench.lines.some((line) => /cannot deliver: .*; batches are kept and sent later/.test(line)));
}

/** Lets time pass until everything that waits was sent. */
async function expectRecovery(bench: ReturnType<typeof benchFor>): Promise<void> {
  while (bench.delivery.status().queue.batches > 0) await bench.round();
  assert.deepEqual(bench.delivery.status().dropped, {});
  assert.ok(bench.lines.some((line) => line.includes('batches are delivered again; nothing was lost')));
  assert.deepEqual(bench.faults, []);
}

for (const { name, plugin, options, taken } of HTTP_SINKS) {
  describe(`${name} and a receiver that fails`, () => {
    async function serving(reply: Reply | 'hang', port = 0) {
      const server = await new RecordingServer((_, body) => body, '/', { port }).listen();
      server.reply = reply;
      stops.push(() => server.close().catch(() => {}));
      return server;
    }

    for (const [what, reply, failure] of PASSING) {
      it(`keeps the batch when the receiver answers ${what}, and sends it later`, async () => {
        const server = await serving(reply);
        const timeout = reply === 'hang' ? '2s' : '30s';
        const bench = benchFor(plugin, { ...options(server.url), timeout });
        await expectFailure(bench, failure);
        const before = server.received.length;
        server.reply = taken;
        await expectRecovery(bench);
        assert.equal(server.received.length, before + 1, 'it is sent once');
      });
    }

    it('drops a batch that the receiver refuses with 400, and logs its words once', async () => {
      const server = await serving({ status: 400, body: 'bad metric' });
      const bench = benchFor(plugin, options(server.url));
      bench.show(ONE);
      await bench.delivery.start();
      await bench.round();
      const { dropped } = await untilStatus(bench, ({ dropped: { refused = 0 } }) => refused > 0);
      bench.show(sampledContainer('/a', [1, 5], [2, 6]));
      await bench.round();
      await untilStatus(bench, ({ dropped: { refused = 0 } }) => refused > dropped.refused!);
      assert.equal(bench.lines.filter((line) => line.includes('answers 400: bad metric')).length, 1);
    });

    it('keeps batches while the receiver is gone, and sends them when it is back', async () => {
      const server = await serving(taken);
      const { port, url } = server;
      await server.close();
      const bench = benchFor(plugin, options(url));
      await expectFailure(bench, /cannot be reached: nothing listens there/);
      const again = await serving(taken, port);
      await expectRecovery(bench);
      assert.equal(again.received.length, 1);
    });

    it('keeps the batch when the name of the receiver is not known', async () => {
      await expectFailure(benchFor(plugin, options('http://no-such-host.invalid/')), /the name is not known/);
    });

    it('keeps the batch when the certificate is of an unknown authority', { skip: needs('openssl') }, async () => {
      const server = await new RecordingServer((_, body) => body, '/', { tls }).listen();
      stops.push(() => server.close());
      await expectFailure(benchFor(plugin, options(server.url)), /certificate/);
      assert.equal(server.received.length, 0);
    });
  });
}

let tls = { cert: Buffer.alloc(0), key: Buffer.alloc(0) };
const directory = mkdtempSync(join(tmpdir(), 'tallyman-test-sink-faults-'));
before(() => {
  if (needs('openssl') !== false) return;
  const { cert, key } = new TestAuthority(directory).issue('localhost');
  tls = { cert: readFileSync(cert), key: readFileSync(key) };
});
after(() => rmSync(directory, { recursive: true, force: true }));

describe('redis and a server that fails', () => {
  for (const [what, answer, failure] of [
    ['the password is wrong', '-WRONGPASS invalid username-password pair\r\n', /WRONGPASS/],
    ['its memory is full', '-OOM command not allowed when used memory > maxmemory\r\n', /OOM command not allowed/],
    ['it is no Redis', 'HTTP/1.1 400 Bad Request\r\n\r\n', /Redis|HTTP/],
    ['it does not answer', '', /2000 ms/],
  ] as const) {
    it(`keeps the batch when ${what}`, async () => {
      const server = await HostileServer.start('127.0.0.1', (socket) => {
        // Commands come several at a time; each has its answer.
        socket.on('data', (data) => {
          for (const _ of data.toString('latin1').matchAll(/^\*\d+\r\n/gm)) socket.write(answer);
        });
      });
      stops.push(() => server.stop());
      const options = { url: `redis://127.0.0.1:${server.port}`, key: 'k', password: 'p', timeout: '2s' };
      await expectFailure(benchFor(redis, options), failure);
    });
  }
});

describe('sinks without HTTP whose receiver cannot be reached', () => {
  const unknown = 'no-such-host.invalid';
  for (const { name, plugin, options } of [
    { name: 'redis', plugin: redis, options: { url: `redis://${unknown}:6379`, key: 'k' } },
    { name: 'kafka', plugin: kafka, options: { brokers: [`${unknown}:9092`], timeout: '1s' } },
    { name: 'statsd', plugin: statsd, options: { address: `${unknown}:8125` } },
  ]) {
    it(`keep the batch when the name is not known: ${name}`, async () => {
      await expectFailure(benchFor(plugin, options), new RegExp(unknown));
    });
  }

  it('keep the batch when nothing listens: kafka', async () => {
    await expectFailure(benchFor(kafka, { brokers: [`127.0.0.1:${await freePort()}`], timeout: '1s' }), /127\.0\.0\.1/);
  });
});

describe('file on a disk that is full', { skip: needs('mounts') }, () => {
  it('keeps the batch, and writes whole lines when there is room again', async () => {
    const path = join(directory, 'full');
    mkdirSync(path);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', path]);
    try {
      assert.throws(() => writeFileSync(join(path, 'filler'), Buffer.alloc(200_000)), /ENOSPC/);
      const bench = benchFor(file, { path: join(path, 'samples') });
      await expectFailure(bench, /ENOSPC|no space/);
      rmSync(join(path, 'filler'));
      await expectRecovery(bench);
      const lines = readFileSync(join(path, 'samples'), 'utf8').trimEnd().split('\n');
      assert.equal(lines.filter((line) => (JSON.parse(line) as { labels: object }).labels !== undefined).length, 1);
      await bench.delivery.finish(1_000);
    } finally {
      for (const stop of stops.splice(0)) await stop();
      execFileSync('umount', [path]);
    }
  });
});
