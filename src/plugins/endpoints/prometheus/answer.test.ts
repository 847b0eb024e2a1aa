import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { metricsEndpoint, parseText } from '../../../../test/support/exposition.js';
import { agentOf, field, labelled, named, sampled, usageOf } from '../../../../test/support/metrics-world.js';
import type { Column } from '../../../kernel/contracts/index.js';

describe('selection', () => {
  const containers = ['/a', '/system.slice/x.service', '/docker/1'].map((name) => labelled(name, {}));

  test('metrics by glob', async () => {
    const names = async (options: Record<string, unknown>) => {
      const { types } = await metricsEndpoint(agentOf(containers), options).exposed();
      return [...types.keys()];
    };
    assert.deepEqual(await names({ metricsInclude: ['container_memory_*'] }), ['container_memory_usage_bytes']);
    assert.ok(!(await names({ metricsExclude: ['{tallyman,process}_*'] })).some((name) => /^(tally|proc)/.test(name)));
    assert.ok(!(await names({ selfMetrics: false })).some((name) => /^(tallyman|process)/.test(name)));
  });

  test('containers by name or alias', async () => {
    const ids = async (options: Record<string, unknown>) =>
      (await usageOf([...containers, { ...containers[2]!, name: '/docker/2', aliases: ['web-1'] }], options)).map(
        ({ labels }) => labels.id,
      );
    assert.deepEqual(await ids({ containersExclude: ['/system.slice/**'] }), ['/a', '/docker/1', '/docker/2']);
    assert.deepEqual(await ids({ containersInclude: ['web-*', '/a'] }), ['/a', '/docker/2']);
  });

  test('beyond maxSeries containers are left out as a whole, visibly and said once', async () => {
    const endpoint = metricsEndpoint(agentOf(containers), { maxSeries: 4 });
    const { series } = await endpoint.exposed();
    const ids = new Set(series.flatMap(({ labels }) => labels.id ?? []));
    assert.deepEqual([...ids], ['/a']);
    const own = series.filter(({ labels }) => labels.id !== undefined).length;
    assert.equal(named(series, 'tallyman_scrape_series')[0]!.value, own);
    assert.ok(own <= 4);
    assert.ok(named(series, 'tallyman_scrape_series_cut')[0]!.value > 0);
    await endpoint.exposed();
    assert.equal(endpoint.logged.length, 1);
    assert.match(endpoint.logged[0]!, /more than maxSeries \(4\)/);
  });
});

describe('the answer', () => {
  const agent = agentOf([labelled('/a', { x: 'é' }), labelled('/b', {})]);

  test('compressed or not it is the same', async () => {
    const endpoint = metricsEndpoint(agent, { selfMetrics: false, metricsExclude: ['container_last_seen'] });
    const plain = await endpoint.scrape();
    const packed = await endpoint.scrape({ 'accept-encoding': 'gzip' });
    assert.equal(packed.headers['Content-Encoding'], 'gzip');
    assert.deepEqual(gunzipSync(packed.body), plain.body);
    assert.equal(plain.headers['Content-Encoding'], undefined);
    const never = metricsEndpoint(agent, { compression: false });
    assert.equal((await never.scrape({ 'accept-encoding': 'gzip' })).headers['Content-Encoding'], undefined);
  });

  test('answers at the same time do not mix', async () => {
    const endpoint = metricsEndpoint(agent, { selfMetrics: false, metricsExclude: ['container_last_seen'] });
    const answers = await Promise.all(Array.from({ length: 5 }, () => endpoint.text()));
    assert.equal(new Set(answers).size, 1);
    parseText(answers[0]!);
  });

  test('OpenMetrics: counters without _total in their name, units, an end', async () => {
    const failures: Column = { field: field('memory.failcnt', { kind: 'counter' }) };
    const user: Column = { field: field('cpu.usage.user', { kind: 'counter', unit: 'nanoseconds' }) };
    const world = agentOf([
      {
        name: '/a',
        samples: sampled([
          [failures, 1],
          [user, 2e9],
        ]),
      },
    ]);
    const { contentType, body } = await metricsEndpoint(world).scrape({ accept: 'application/openmetrics-text' });
    assert.equal(contentType, 'application/openmetrics-text; version=1.0.0; charset=utf-8');
    const text = body.toString();
    assert.ok(text.includes('# TYPE container_cpu_user_seconds counter\n# UNIT container_cpu_user_seconds seconds\n'));
    assert.ok(text.includes('\ncontainer_cpu_user_seconds_total{id="/a"'));
    assert.ok(text.includes('# TYPE container_memory_failcnt unknown\n'));
    assert.ok(text.endsWith('\n# EOF\n'));
  });

  test('the explanation counts what the answer holds', async () => {
    const endpoint = metricsEndpoint(agent, { selfMetrics: false });
    const { series, types } = await endpoint.exposed();
    const explained = JSON.parse((await endpoint.scrape({}, 'explain=json')).body.toString());
    assert.equal(explained.series, series.length);
    assert.deepEqual(explained.metrics.map(({ name }: { name: string }) => name).sort(), [...types.keys()].sort());
    const x = explained.labels.find(({ name }: { name: string }) => name === 'container_label_x');
    assert.deepEqual([x.values, x.series], [1, series.filter(({ labels }) => labels.container_label_x).length]);
    const text = (await endpoint.scrape({}, 'explain=1')).body.toString();
    assert.ok(text.startsWith(`/metrics holds ${series.length} series in ${types.size} metrics, `));
    assert.ok(text.includes('container_memory_usage_bytes (gauge)'));
  });

  test('a client that waits no longer gets no answer', async () => {
    const many = Array.from({ length: 3000 }, (_, i) => labelled(`/${i}`, {}));
    const endpoint = metricsEndpoint(agentOf(many));
    await assert.rejects(
      endpoint.scrape({ 'x-prometheus-scrape-timeout-seconds': '0.0001' }),
      /could not be written within the time/,
    );
    parseText(await endpoint.text());
  });
});
