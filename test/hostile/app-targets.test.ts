// Containers that declare and send as much as they can: each costs only itself, and is named once.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { PrometheusCollector } from '../../src/plugins/app-metrics/prometheus/collector.js';
import { prometheusOptions } from '../../src/plugins/app-metrics/prometheus/options.js';
import { AppMetricsBench } from '../support/app-metrics-bench.js';
import { until } from '../support/discovery.js';
import { answering, endless, HostileServer, ok } from '../support/hostile-servers.js';
import { LIMIT_MS } from './limit.js';

const MIB = 1024 * 1024;
/** Of the targets that nothing may happen to: on a loaded host an answer may take a second of itself. */
const CALM_SECONDS = 3;
const LATEST = Number.MAX_SAFE_INTEGER;

/** Labels of a container with so many targets. */
function targetLabels(count: number, port: number, interval = '1s'): Record<string, string> {
  const pairs = Array.from({ length: count }, (_, i) => [
    [`tallyman.metrics.t${i}.port`, String(port)],
    [`tallyman.metrics.t${i}.interval`, interval],
  ]);
  return Object.fromEntries(pairs.flat());
}

/** As many series as a text of this size holds, with long labels. */
function page(bytes: number, name: (i: number) => string = () => 'big'): string {
  const value = 'v'.repeat(1000);
  return Array.from({ length: Math.floor(bytes / 1030) }, (_, i) => `${name(i)}{n="${i}",v="${value}"} 1\n`).join('');
}

describe('containers with far too many application metrics', { timeout: LIMIT_MS }, () => {
  const bench = new AppMetricsBench({ maxTotalSeries: 3000, maxTotalTargets: 50, maxTotalMemory: 6 * MIB });
  const servers: HostileServer[] = [];
  let hostile: HostileServer;

  async function serve(host: string, behave: Parameters<typeof HostileServer.start>[1]): Promise<HostileServer> {
    const server = await HostileServer.start(host, behave);
    servers.push(server);
    return server;
  }

  const collected = (name: string, count: number) =>
    until(
      () => bench.metrics(name).targets.reduce((sum, { collections }) => sum + collections, 0) >= count,
      () => JSON.stringify(bench.metrics(name).targets.slice(0, 3)),
    );
  const seriesOf = (name: string) =>
    bench
      .metrics(name)
      .at(LATEST)
      .reduce((sum, { series }) => sum + series.length, 0);

  before(async () => {
    bench.use('app-prometheus', new PrometheusCollector(prometheusOptions.parse({})));
    hostile = await serve('127.0.4.1', ok(page(3.5 * MIB)));
    const well = await serve('127.0.4.2', ok('well{n="1"} 1\nwell{n="2"} 2\n'));
    const hostileLabels = targetLabels(300, hostile.port);
    for (const name of ['/flood-a', '/flood-b', '/flood-c', '/flood-d']) {
      bench.add(name, { labels: hostileLabels, addresses: ['127.0.4.1'] });
    }
    bench.add('/well', { labels: targetLabels(2, well.port, `${CALM_SECONDS}s`), addresses: ['127.0.4.2'] });
  });
  after(async () => {
    bench.stop();
    await Promise.all(servers.map((server) => server.stop()));
  });

  it('have a limited number of targets, logged once', async () => {
    await collected('/flood-a', 10);
    assert.equal(bench.metrics('/flood-a').targets.length, 20);
    const said = bench.said('/flood-a').filter((line) => line.includes('maxTargets'));
    assert.equal(said.length, 1, said.join('\n'));
    assert.match(said[0]!, /\/flood-a has 300 targets for app-prometheus, of which 20 are collected/);
  });

  it('share the total limit of targets', async () => {
    await until(
      () => bench.said('/flood-b').some((line) => line.includes('maxTotalTargets')),
      () => bench.logger.lines.join('\n'),
    );
    // 50 in all: 2 for the one that wants 2, 12 for each of the others.
    const leftOut = () =>
      bench.metrics('/flood-b').targets.filter(({ error }) => error?.startsWith('not collected') === true);
    await until(
      () => leftOut().length === 8,
      () => JSON.stringify(bench.metrics('/flood-b').targets.map(({ error }) => error)),
    );
    assert.equal(bench.said('/flood-b').filter((line) => line.includes('maxTotalTargets')).length, 1);
  });

  it('are collected less often the more they send', async () => {
    await collected('/flood-c', 10);
    const saidSo = () => bench.said('/flood-c').filter((line) => line.includes('scraped less often')).length;
    // On a loaded host an interval may also be long because collections take long.
    await until(
      () => saidSo() > 0 && bench.metrics('/flood-c').targets.some(({ interval }) => interval > 10_000),
      () => JSON.stringify(bench.metrics('/flood-c').targets.map(({ interval }) => interval)),
    );
    assert.equal(saidSo(), 1);
  });

  it('do not affect the targets, series and collections of another container', async () => {
    const before = bench.metrics('/well').targets.map(({ collections }) => collections);
    await until(
      () => bench.metrics('/well').targets.every(({ collections }, i) => collections >= before[i]! + 2),
      () => JSON.stringify(bench.metrics('/well').targets),
    );
    assert.deepEqual(bench.said('/well'), []);
    assert.equal(seriesOf('/well'), 4);
    for (const { failures, interval, dropped } of bench.metrics('/well').targets) {
      assert.deepEqual([failures, interval, dropped], [0, CALM_SECONDS * 1000, 0]);
    }
    const all = ['/flood-a', '/flood-b', '/flood-c', '/flood-d'].map(seriesOf);
    // A quarter more than its share is not taken back from a container at once.
    assert.ok(all.reduce((sum, count) => sum + count, 4) <= 3000 * 1.25, all.join());
  });

  it('release their share when they are removed', async () => {
    for (const name of ['/flood-b', '/flood-c', '/flood-d']) bench.store.remove(bench.store.get(name)!);
    const leftOut = () =>
      bench.metrics('/flood-a').targets.filter(({ error }) => error?.startsWith('not collected') === true);
    await until(
      () => leftOut().length === 0,
      () => JSON.stringify(bench.metrics('/flood-a').targets.map(({ error }) => error)),
    );
  });

  it('do not delay other targets by not answering', async () => {
    const silent = await serve('127.0.4.3', () => {});
    const late = await serve('127.0.4.4', endless('HTTP/1.1 200 OK\n\n', 'x 1\n'.repeat(1024)));
    const broken = await serve('127.0.4.5', answering('HTTP/1.1 200 OK\n\n', 'x'.repeat(MIB)));
    for (const [name, server] of Object.entries({ silent, late, broken })) {
      bench.add(`/${name}`, { labels: targetLabels(20, server.port), addresses: [server.host] });
    }
    const before = bench.metrics('/well').targets[0]!.collections;
    await until(
      () => bench.metrics('/well').targets[0]!.collections >= before + 2,
      () => JSON.stringify(bench.metrics('/well').targets),
    );
    assert.equal(bench.metrics('/well').targets[0]!.failures, 0);
  });
});
