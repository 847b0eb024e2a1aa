import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { samplesOf } from '../../../../test/conformance/world/samples.js';
import { metricsEndpoint, parseText } from '../../../../test/support/exposition.js';
import {
  agentOf,
  field,
  labelled,
  named,
  sampled,
  TIME,
  usage,
  usageOf,
} from '../../../../test/support/metrics-world.js';
import type { AgentView, Column, ContainerView, MachineInfo, SampleWindow } from '../../../kernel/contracts/index.js';

describe('selection of series', () => {
  const containers = ['/a', '/system.slice/x.service', '/docker/1'].map((name) => labelled(name, {}));

  it('selects metrics by glob', async () => {
    const names = async (options: Record<string, unknown>) => {
      const { types } = await metricsEndpoint(agentOf(containers), options).exposed();
      return [...types.keys()];
    };
    assert.deepEqual(await names({ metricsInclude: ['container_memory_*'] }), ['container_memory_usage_bytes']);
    assert.ok(!(await names({ metricsExclude: ['{tallyman,process}_*'] })).some((name) => /^(tally|proc)/.test(name)));
    assert.ok(!(await names({ selfMetrics: false })).some((name) => /^(tallyman|process)/.test(name)));
  });

  it('selects containers by name or alias', async () => {
    const ids = async (options: Record<string, unknown>) =>
      (await usageOf([...containers, { ...containers[2]!, name: '/docker/2', aliases: ['web-1'] }], options)).map(
        ({ labels }) => labels.id,
      );
    assert.deepEqual(await ids({ containersExclude: ['/system.slice/**'] }), ['/a', '/docker/1', '/docker/2']);
    assert.deepEqual(await ids({ containersInclude: ['web-*', '/a'] }), ['/a', '/docker/2']);
  });

  it('omits whole containers beyond maxSeries, counts them and logs it once', async () => {
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

/** The same numbers, sampled again. */
function later({ length, at }: SampleWindow): SampleWindow {
  return {
    length,
    at: (index, cursor) => Object.assign(at(index, cursor), { time: cursor.time + 1_000_000 }),
  };
}

describe('the answer of /metrics', () => {
  it('is that of an endpoint that was never asked before, whatever came, went and changed since the last one', async () => {
    const names = ['/a', '/b', '/c', '/d', '/e'];
    // Mostly little changes, so that there is something to take over from the answer before.
    const some = fc.oneof(fc.subarray(names, { maxLength: 1 }), fc.subarray(names));
    const step = fc.record({
      present: fc.oneof(fc.subarray(names, { minLength: 4 }), fc.subarray(names)),
      described: some,
      sampled: some,
      repeated: some,
      unsampled: some,
      query: fc.constantFrom('', '', 'type=name'),
      accept: fc.constantFrom('text/plain', 'text/plain', 'application/openmetrics-text'),
    });
    const options = { selfMetrics: false, metricsExclude: ['container_last_seen'] };
    const cpu: Column = { field: field('cpu.usage.user', { kind: 'counter', unit: 'nanoseconds' }) };
    const scenario = fc.asyncProperty(
      // With empty labels the lines of a container change with the labels of others.
      fc.record({ maxSeries: fc.constantFrom(0, 7, 12), emptyLabels: fc.boolean() }),
      fc.array(step, { maxLength: 8 }),
      async (varied, steps) => {
        const views = agentOf(names.map((name) => labelled(name, { x: '0' }))).containers();
        let present: typeof views = [];
        const agent = agentOf([], { containers: () => present });
        const endpoint = metricsEndpoint(agent, { ...options, ...varied });
        let changes = 0;
        const change = (changed: readonly string[], make: (view: ContainerView) => Partial<ContainerView>): void => {
          changes++;
          for (const view of views.filter(({ name }) => changed.includes(name))) Object.assign(view, make(view));
        };
        for (const { present: names, described, sampled, repeated, unsampled, query, accept } of steps) {
          // The list is the same while nothing came or went, as that of the agent is.
          if (names.join() !== present.map(({ name }) => name).join())
            present = views.filter(({ name }) => names.includes(name));
          change(described, ({ description }) => ({
            description: {
              ...description,
              labels: { [`x${changes % 3}`]: String(changes) },
              image: `image-${changes}`,
            },
          }));
          // Now and then with a column more or less than before.
          const cells = [[usage, 10 ** (changes % 9)] as const, [cpu, changes] as const].slice(0, 1 + (changes % 2));
          change(sampled, () => ({ samples: samplesOf([{ time: TIME + changes, cells }]) }));
          change(repeated, ({ samples }) => ({ samples: () => later(samples({ count: 1 })) }));
          change(unsampled, () => ({ samples: samplesOf([]) }));
          const fresh = () => metricsEndpoint(agent, { ...options, ...varied });
          const headers = { accept };
          const answers = [endpoint.scrape(headers, query), endpoint.scrape(), endpoint.scrape(headers)];
          const expected = [fresh().scrape(headers, query), fresh().scrape(), fresh().scrape(headers)];
          const textOf = async (all: typeof answers) => (await Promise.all(all)).map(({ body }) => body.toString());
          assert.deepEqual(await textOf(answers), await textOf(expected));
        }
      },
    );
    await fc.assert(scenario, { numRuns: 200 });
  });

  const agent = agentOf([labelled('/a', { x: 'é' }), labelled('/b', {})]);

  it('is the same compressed and uncompressed', async () => {
    const endpoint = metricsEndpoint(agent, { selfMetrics: false, metricsExclude: ['container_last_seen'] });
    const plain = await endpoint.scrape();
    const packed = await endpoint.scrape({ 'accept-encoding': 'gzip' });
    assert.equal(packed.headers['Content-Encoding'], 'gzip');
    assert.deepEqual(gunzipSync(packed.body), plain.body);
    assert.equal(plain.headers['Content-Encoding'], undefined);
    const never = metricsEndpoint(agent, { compression: false });
    assert.equal((await never.scrape({ 'accept-encoding': 'gzip' })).headers['Content-Encoding'], undefined);
  });

  it('does not mix with concurrent answers', async () => {
    const endpoint = metricsEndpoint(agent, { selfMetrics: false, metricsExclude: ['container_last_seen'] });
    const answers = await Promise.all(Array.from({ length: 5 }, () => endpoint.text()));
    assert.equal(new Set(answers).size, 1);
    parseText(answers[0]!);
  });

  it('in OpenMetrics has counter families without _total, units and `# EOF`', async () => {
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
    assert.equal(contentType, 'application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores');
    const text = body.toString();
    assert.ok(text.includes('# TYPE container_cpu_user_seconds counter\n# UNIT container_cpu_user_seconds seconds\n'));
    assert.ok(text.includes('\ncontainer_cpu_user_seconds_total{id="/a"'));
    assert.ok(text.includes('# TYPE container_memory_failcnt unknown\n'));
    assert.ok(text.endsWith('\n# EOF\n'));
  });

  it('selects containers by the options of /api/v2, and samples those older than max_age', async () => {
    const web = { ...labelled('/docker/x', {}), namespace: 'docker', aliases: ['web'] };
    const refreshed: [readonly string[], number][] = [];
    const world = agentOf([labelled('/', {}), labelled('/a', {}), web], {
      refresh: async (containers, maxAge) => void refreshed.push([containers.map(({ name }) => name), maxAge]),
    });
    const endpoint = metricsEndpoint(world, { selfMetrics: false });
    const idsOf = async (query: string) => {
      const { series } = parseText((await endpoint.scrape({}, query)).body.toString());
      return [...new Set(series.flatMap(({ labels }) => labels.id ?? []))].sort();
    };
    assert.deepEqual(await idsOf(''), ['/', '/a', '/docker/x']);
    assert.deepEqual(await idsOf('type=name&count=5&recursive=false'), ['/', '/a', '/docker/x']);
    assert.deepEqual(await idsOf('type=docker'), ['/docker/x']);
    for (const type of ['podman', 'containerd', 'crio']) assert.deepEqual(await idsOf(`type=${type}`), []);
    assert.deepEqual(refreshed, []);
    await idsOf('type=docker&max_age=2s');
    await idsOf('max_age=0s');
    assert.deepEqual(refreshed, [
      [['/docker/x'], 2_000_000],
      [['/', '/a', '/docker/x'], 0],
    ]);
    await assert.rejects(endpoint.scrape({}, 'type=bogus'), {
      status: 400,
      message: 'No metrics gathered, last error:\n\nunknown \'type\' "bogus"',
    });
    await assert.rejects(endpoint.scrape({}, 'max_age=old'), /No metrics gathered, .*failed to parse 'max_age'/s);
  });

  it('has the memory modules, distances and caches of the machine, and its error when it cannot be read', async () => {
    const cache = (id: number, level: number) => ({ id, level, size: 10 * level, type: 'Unified' });
    const core = { core_id: 0, thread_ids: [0, 4], caches: [cache(0, 2)], uncore_caches: [cache(0, 3)], socket_id: 0 };
    const node = { node_id: 1, memory: 5, hugepages: [], cores: [core], caches: [cache(0, 4)], distances: [21, 10] };
    const machine: MachineInfo = {
      ...agent.host.machine(),
      num_cores: 2,
      memory_capacity: 5,
      num_drawers: 3,
      memory_by_type: { 'Unbuffered-DDR4': { capacity: 4096, dimm_count: 2 } },
      topology: [{ ...node, node_id: 0, cores: [], caches: [] }, node],
    };
    const world = agentOf([labelled('/', {})]);
    const known = { ...world, host: { ...world.host, machine: () => machine } };
    const lines = async (of: AgentView) => {
      const { series } = await metricsEndpoint(of, { machineLabels: false, cpuTopology: true }).exposed();
      return series
        .filter(({ name }) => name.startsWith('machine_'))
        .map(({ key, value }) => `${key} ${value}`.replace('{}', ''));
    };
    const shown = await lines(known);
    for (const line of [
      'machine_cpu_drawers 3',
      'machine_dimm_count{type="Unbuffered-DDR4"} 2',
      'machine_dimm_capacity_bytes{type="Unbuffered-DDR4"} 4096',
      'machine_node_distance{node_id="1",target_node_id="0"} 21',
      'machine_cpu_cache_capacity_bytes{core_id="0",level="2",node_id="1",type="Unified"} 20',
      'machine_cpu_cache_capacity_bytes{core_id="0",level="3",node_id="1",type="Unified"} 30',
      'machine_cpu_cache_capacity_bytes{core_id="",level="4",node_id="1",type="Unified"} 40',
      'machine_thread_siblings_count{core_id="0",node_id="1",thread_id="4"} 2',
      'machine_scrape_error 0',
    ]) {
      assert.ok(shown.includes(line), `${line} is not among\n${shown.join('\n')}`);
    }
    const unread = { ...world, host: { ...world.host, machine: () => ({ ...machine, memory_capacity: 0 }) } };
    assert.ok((await lines(unread)).includes('machine_scrape_error 1'));
  });

  it('has as many series as the explanation says', async () => {
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

  it('ends when the client disconnects', async () => {
    const many = Array.from({ length: 3000 }, (_, i) => labelled(`/${i}`, {}));
    const endpoint = metricsEndpoint(agentOf(many));
    await assert.rejects(
      endpoint.scrape({ 'x-prometheus-scrape-timeout-seconds': '0.0001' }),
      /could not be written within the time/,
    );
    parseText(await endpoint.text());
  });
});
