// What containers may do to whoever asks them for metrics: each costs only itself, and is said once.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { PrometheusCollector } from '../../src/plugins/app-metrics/prometheus/collector.js';
import { prometheusOptions } from '../../src/plugins/app-metrics/prometheus/options.js';
import { AppMetricsBench } from '../support/app-metrics-bench.js';
import { until } from '../support/discovery.js';
import { answering, endless, gzipBomb, HostileServer, ok } from '../support/hostile-servers.js';

const series = (count: number): string => Array.from({ length: count }, (_, i) => `many{n="${i}"} ${i}\n`).join('');

/** Made before anything is asked: compressing a gigabyte would hold up this process, and with it who asks. */
const BOMB = gzipBomb();

describe('hostile targets', () => {
  const bench = new AppMetricsBench({ maxRate: 2 ** 30, maxTotalRate: 2 ** 30 });
  const servers: HostileServer[] = [];
  let healthy: HostileServer;
  let decoy: HostileServer;

  async function serve(host: string, behave: Parameters<typeof HostileServer.start>[1]): Promise<HostileServer> {
    const server = await HostileServer.start(host, behave);
    servers.push(server);
    return server;
  }

  const labels = (port: number, interval = '10s') => ({
    'tallyman.metrics.port': String(port),
    'tallyman.metrics.interval': interval,
  });
  /** Of the targets that use all the time they have, nine tenths of it. */
  const SLOW = '3s';

  const cases: [string, () => Parameters<typeof HostileServer.start>[1], RegExp, interval?: string][] = [
    ['never answers', () => () => {}, /did not give its metrics within 2700 ms/, SLOW],
    ['an endless body', () => endless('HTTP/1.1 200 OK\n\n', 'a 1\n'.repeat(4096)), /larger than 4194304 bytes/],
    [
      'a body that trickles',
      () => (socket) => {
        const timer = setInterval(() => socket.write('a'), 20);
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        socket.on('close', () => clearInterval(timer));
      },
      /did not give its metrics within 2700 ms/,
      SLOW,
    ],
    ['endless headers', () => endless('HTTP/1.1 200 OK\n', `x: ${'y'.repeat(4096)}\r\n`), /Header overflow/],
    [
      'endless preliminary answers',
      () => endless('', 'HTTP/1.1 103 Early Hints\r\n\r\n'),
      /sends informational responses without end/,
    ],
    ['a gzip bomb', () => ok(BOMB, 'content-encoding: gzip\n'), /larger than 4194304 bytes .* when decompressed/],
    ['an unknown encoding', () => ok('x', 'content-encoding: zip\n'), /unsupported encoding zip/],
    ['a false encoding', () => ok('a 1\n', 'content-encoding: gzip\n'), /not valid gzip/],
    [
      'random bytes',
      () => ok(Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) % 256))),
      /not in the Prometheus text format/,
    ],
    ['a web page', () => ok('<html>\n<body>hello</body>\n</html>\n'), /not in the Prometheus text format: line 1/],
    ['another protocol', () => answering('SSH-2.0-OpenSSH_9.2\n'), /Parse Error/],
    [
      'a redirect to the host’s loopback',
      () => answering(`HTTP/1.1 302 Found\nlocation: http://127.0.0.1:${decoy.port}/\n\n`),
      /status 302; redirects \(here to http:\/\/127\.0\.0\.1:\d+\/\) are not followed/,
    ],
    ['an error', () => answering('HTTP/1.1 503 Busy\ncontent-length: 0\n\n'), /status 503/],
    [
      'an answer that breaks off',
      () => answering('HTTP/1.1 200 OK\ncontent-length: 100\n\n', 'a 1\n'),
      /connection was reset/,
    ],
    [
      'a protocol switch',
      () => answering('HTTP/1.1 101 Switching Protocols\nupgrade: x\nconnection: upgrade\n\n'),
      /switches to another protocol/,
    ],
  ];

  before(async () => {
    bench.use('app-prometheus', new PrometheusCollector(prometheusOptions.parse({})));
    healthy = await serve('127.0.0.2', ok('well 1\n'));
    decoy = await serve('127.0.0.1', ok('secret 1\n'));
    bench.add('/healthy', { labels: labels(healthy.port), addresses: ['127.0.0.2'] });
    // All at the same time: what one does must not show at another.
    for (const [index, [, behave, , interval]] of cases.entries()) {
      const host = `127.0.1.${index + 1}`;
      const { port } = await serve(host, behave());
      bench.add(`/hostile-${index}-`, { labels: labels(port, interval), addresses: [host] });
    }
  });
  after(async () => {
    bench.stop();
    await Promise.all(servers.map((server) => server.stop()));
  });

  for (const [index, [what, , reason]] of cases.entries()) {
    it(what, async () => {
      const name = `/hostile-${index}-`;
      const { error } = await bench.status(name, ({ failures }) => failures >= 2);
      assert.match(error!, reason);
      assert.equal(bench.said(name).length, 1, bench.said(name).join('\n'));
      assert.deepEqual(bench.metrics(name).at(Number.MAX_SAFE_INTEGER), []);
      assert.equal(decoy.connections, 0);
    });
  }

  it('100,000 series are limited, and the surplus is counted', async () => {
    const server = await serve('127.0.2.1', ok(series(100_000)));
    bench.add('/many', { labels: labels(server.port), addresses: ['127.0.2.1'] });
    const { dropped, problems } = await bench.status('/many', ({ collections }) => collections >= 2);
    assert.equal(dropped, 99_000);
    assert.match(problems.join(), /samples dropped: 99000; .*series \(maxSeries\)/);
    assert.equal(bench.metrics('/many').at(Number.MAX_SAFE_INTEGER)[0]!.series.length, 1000);
    assert.equal(bench.said('/many').length, 1);
  });

  it('a label cannot send the agent to another host', async () => {
    for (const [name, label] of [
      ['/port', { 'tallyman.metrics.port': 'http://127.0.0.1' }],
      ['/file', { 'tallyman.metrics.port': '70000' }],
      ['/host', { 'tallyman.metrics.port': '1', 'tallyman.metrics.host': '169.254.169.254' }],
    ] as const) {
      bench.add(name, { labels: { 'tallyman.metrics.interval': '1s', ...label }, addresses: ['127.0.3.1'] });
      await bench.status(name, ({ failures }) => failures >= 2);
      assert.equal(bench.said(name).length, 1);
    }
    assert.match(bench.metrics('/host').targets[0]!.error!, /tallyman\.metrics\.host is unknown/);
    assert.equal(decoy.connections, 0);
  });

  it('the healthy target is collected throughout', async () => {
    const before = bench.metrics('/healthy').targets[0]!;
    assert.deepEqual([before.failures, bench.said('/healthy')], [0, []]);
    await until(
      () => bench.metrics('/healthy').targets[0]!.collections > before.collections,
      () => 'no more collections',
    );
    assert.equal(bench.metrics('/healthy').at(Number.MAX_SAFE_INTEGER)[0]!.values[0], 1);
    assert.equal(healthy.connections, bench.metrics('/healthy').targets[0]!.collections);
  });
});
