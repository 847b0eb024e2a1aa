import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { FakeContainer } from '../../../../test/conformance/world/fake-agent.js';
import { eventSource, metricsEndpoint, parseText } from '../../../../test/support/exposition.js';
import { agentOf, field, labelled, named, sampled, TIME, usageOf } from '../../../../test/support/metrics-world.js';
import type { AgentView, Column, DepartedContainer } from '../../../kernel/contracts/index.js';
import { FakeClock, testContext } from '../../../testing/index.js';
import prometheus from './index.js';

describe('labels of container series', () => {
  it('are those of the container, and with emptyLabels also those of all others', async () => {
    const containers = [labelled('/a', { x: '1' }), labelled('/b', { 'y.z': '2' }, { TIER: 'web' })];
    const base = { image: '', name: '' };
    const labelsWith = async (options: Record<string, unknown>) =>
      (await usageOf(containers, options)).map(({ labels }) => labels);
    assert.deepEqual(await labelsWith({}), [
      { id: '/a', ...base, container_label_x: '1' },
      { id: '/b', ...base, container_env_TIER: 'web', container_label_y_z: '2' },
    ]);
    assert.deepEqual(await labelsWith({ emptyLabels: true }), [
      { id: '/a', ...base, container_env_TIER: '', container_label_x: '1', container_label_y_z: '' },
      { id: '/b', ...base, container_env_TIER: 'web', container_label_x: '', container_label_y_z: '2' },
    ]);
  });

  it('include grouping labels with groupLabels, which labelDeny and labelRename also apply to', async () => {
    const labels = { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' };
    const only = async (options: Record<string, unknown>) => {
      const [series] = await usageOf([labelled('/a', labels)], { labelAllow: ['compose.*'], ...options });
      const { id: _id, image: _image, name: _name, ...rest } = series!.labels;
      return rest;
    };
    assert.deepEqual(await only({}), {});
    assert.deepEqual(await only({ groupLabels: true }), { compose_project: 'shop', compose_service: 'web' });
    const renamed = { labelDeny: ['compose_service'], labelRename: { 'compose.project': 'project' } };
    assert.deepEqual(await only({ groupLabels: true, ...renamed }), { project: 'shop' });
  });

  it('include host and cluster with hostLabels, on every series of both paths', async () => {
    const variables = ['TALLYMAN_NODE_NAME', 'TALLYMAN_CLUSTER'] as const;
    const before = variables.map((name) => process.env[name]);
    Object.assign(process.env, { TALLYMAN_NODE_NAME: 'node-7', TALLYMAN_CLUSTER: 'fra1' });
    try {
      const options = { kubelet: { path: '/metrics/cadvisor' }, hostLabels: true };
      const endpoint = metricsEndpoint(agentOf([labelled('/a', { x: '1' })]), options);
      for (const path of endpoint.paths) {
        const { series } = await endpoint.exposed(path);
        const names = new Set(series.map(({ name }) => name.split('_')[0]));
        assert.ok(names.has('container') && names.has('machine'), `${path}: ${[...names]}`);
        for (const { name, labels } of series) {
          assert.deepEqual([labels.host, labels.cluster], ['node-7', 'fra1'], `${name} at ${path}`);
        }
      }
    } finally {
      for (const [index, name] of variables.entries()) {
        if (before[index] === undefined) delete process.env[name];
        else process.env[name] = before[index];
      }
    }
  });

  it('have an empty name for a systemd unit unless unitNames is set', async () => {
    const of = (kind: 'unit' | 'machine'): FakeContainer => ({
      ...labelled(`/${kind}`, {}),
      description: { aliases: [`the-${kind}`], namespace: 'any', kind },
    });
    const names = async (options: Record<string, unknown>) =>
      (await usageOf([of('unit'), of('machine')], options)).map(({ labels }) => labels.name);
    assert.deepEqual(await names({}), ['the-machine', '']);
    assert.deepEqual(await names({ unitNames: true }), ['the-machine', 'the-unit']);
  });

  it('are limited in number and length per container, and the limit is logged once', async () => {
    const many = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`key-${i}`, 'x']));
    const long = { ['k'.repeat(100_000)]: 'x', long: '🐳'.repeat(500_000), short: 'x', zz: 'x'.repeat(5000) };
    for (const [labels, count, reported] of [
      [many, 100, /^\/hostile has more labels than \/metrics takes \(labelLimits\): left out: 2900, values cut: 0/],
      [long, 3, /left out: 1, values cut: 2/],
    ] as const) {
      for (const emptyLabels of [false, true]) {
        const containers = [labelled('/hostile', labels), labelled('/neighbour', { x: '1' })];
        const endpoint = metricsEndpoint(agentOf(containers), { emptyLabels });
        await endpoint.text();
        const text = await endpoint.text();
        const lines = (name: string) => text.split('\n').filter((line) => line.includes(`{id="${name}"`));
        const [hostile] = lines('/hostile');
        const own = hostile!.match(/container_label_\w+="[^"]/g)!;
        assert.equal(own.length, count);
        assert.ok(hostile!.length < 12_000);
        for (const line of lines('/neighbour')) {
          const names = line.match(/container_label_\w+/g)!;
          if (emptyLabels) assert.ok(names.length <= 101 && line.length < 4000, line);
          else assert.deepEqual(names, ['container_label_x']);
        }
        assert.equal(endpoint.logged.length, 1, endpoint.logged.join('\n'));
        assert.match(endpoint.logged[0]!, reported);
      }
    }
  });

  it('are limited in total size per container', async () => {
    const labels = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`key${i}`, 'x'.repeat(1000)]));
    const [series] = await usageOf([labelled('/a', labels)]);
    assert.equal(Object.keys(series!.labels).length, 3 + 8);
    const [wide] = await usageOf([labelled('/a', labels)], { labelLimits: { size: '64KiB' } });
    assert.equal(Object.keys(wide!.labels).length, 3 + 50);
  });

  it('with emptyLabels are the most common ones, without those of ended containers', async () => {
    const names = async (departed: Record<string, string>) => {
      const containers = [labelled('/a', {}), labelled('/b', { p: '1', q: '1' }), labelled('/c', { q: '1', r: '1' })];
      const description = { aliases: [], labels: departed, envs: {}, state: { status: 'exited' } };
      const gone = { name: '/gone', description } as unknown as DepartedContainer;
      const agent = agentOf(containers, { departed: () => [gone] });
      const { series } = await metricsEndpoint(agent, { emptyLabels: true, labelLimits: { empty: 2 } }).exposed();
      return Object.keys(named(series, 'container_memory_usage_bytes')[0]!.labels).slice(3);
    };
    assert.deepEqual(await names({}), ['container_label_p', 'container_label_q']);
    assert.deepEqual(await names({ q: '1', z: '1', a: '1' }), ['container_label_p', 'container_label_q']);
  });

  it('use the first key of two that are equal after sanitising', async () => {
    const [series] = await usageOf([labelled('/a', { a_b: 'late', 'a.b': 'dash', 'a-b': 'first' })]);
    assert.equal(series!.labels.container_label_a_b, 'first');
  });

  it('can be allowed, denied and renamed by key or by label name', async () => {
    const container = labelled('/a', { 'com.x/team': 'ops', tier: 'web', secret: '1' }, { SECRET: '2', HOME: '/' });
    const shown = async (options: Record<string, unknown>) => {
      const [series] = await usageOf([container], options);
      const { id: _, name: __, image: ___, ...rest } = series!.labels;
      return rest;
    };
    assert.deepEqual(await shown({ labelAllow: [] }), {});
    assert.deepEqual(await shown({ labelAllow: ['com.x/*', 'container_env_H*'] }), {
      container_label_com_x_team: 'ops',
      container_env_HOME: '/',
    });
    assert.deepEqual(
      await shown({
        labelDeny: ['secret', 'container_env_*'],
        labelRename: { tier: 'tier', container_label_com_x_team: 'team' },
      }),
      { team: 'ops', tier: 'web' },
    );
  });

  it('are updated at the next scrape', async () => {
    const containers = [labelled('/a', { x: '1' })];
    let agent = agentOf(containers);
    const live = new Proxy({} as AgentView, { get: (_, key) => agent[key as keyof AgentView] });
    const endpoint = metricsEndpoint(live, { emptyLabels: true });
    await endpoint.exposed();
    agent = agentOf([...containers, labelled('/b', { y: '2' })]);
    const [first] = named((await endpoint.exposed()).series, 'container_memory_usage_bytes');
    assert.equal(first!.labels.container_label_y, '');
    agent = agentOf(containers);
    const { series } = await endpoint.exposed();
    assert.deepEqual(Object.keys(named(series, 'container_memory_usage_bytes')[0]!.labels).sort(), [
      'container_label_x',
      'id',
      'image',
      'name',
    ]);
    assert.deepEqual(
      series.filter(({ labels }) => labels.id === '/b'),
      [],
      'a container that is gone is gone at once',
    );
  });
});

describe('series of containers', () => {
  it('are well-formed and unique for any containers', async () => {
    const odd = fc.string({ unit: 'binary', maxLength: 8 });
    const word = fc.constantFrom('a', 'b.c', 'b_c', 'cpu', 'memory.usage', 'diskio.io_serviced', 'id', 'é', '9', '');
    const column = fc
      .record({
        name: fc.tuple(word, word).map(([a, b]) => `${a}.${b}`),
        unit: fc.constantFrom('bytes' as const, 'nanoseconds' as const, 'count' as const, 'percent' as const),
        kind: fc.constantFrom('counter' as const, 'gauge' as const),
        dimensions: fc.array(word, { maxLength: 3 }),
        labels: fc.array(odd, { minLength: 3, maxLength: 3 }),
      })
      .map(({ name, unit, kind, dimensions, labels }): Column => {
        if (dimensions.length === 0) return { field: field(name, { unit, kind }) };
        return { field: field(name, { unit, kind, dimensions }), labels: labels.slice(0, dimensions.length) };
      });
    const container = fc.record({
      name: odd.map((text) => `/${text}`),
      aliases: fc.array(odd, { maxLength: 2 }),
      labels: fc.dictionary(odd, odd, { maxKeys: 4 }),
      cells: fc.array(fc.tuple(column, fc.oneof(fc.double(), fc.bigInt(0n, 2n ** 64n))), { maxLength: 8 }),
    });
    const containers = fc.uniqueArray(container, { selector: ({ name }) => name, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(containers, fc.boolean(), async (all, emptyLabels) => {
        const world = all.map(
          ({ name, aliases, labels, cells }): FakeContainer => ({
            name,
            aliases,
            description: { labels },
            samples: sampled(cells),
          }),
        );
        const endpoint = metricsEndpoint(agentOf(world), { emptyLabels });
        parseText(await endpoint.text());
        const openMetrics = (await endpoint.scrape({ accept: 'application/openmetrics-text' })).body.toString();
        assert.ok(openMetrics.endsWith('\n# EOF\n'));
      }),
      { numRuns: 300 },
    );
  });

  it('of third-party fields have their own name, unit and labels', async () => {
    const cells = [
      [
        {
          field: field('gpu.busy_time', { unit: 'microseconds', kind: 'counter', dimensions: ['card', 'id'] }),
          labels: ['0', 'x'],
        },
        1500,
      ],
      [{ field: field('gpu.memory', { unit: 'bytes' }) }, 2n ** 64n - 1n],
      [{ field: field('gpu.load', { unit: 'percent' }) }, 12.5],
    ] as const;
    const { series, types } = await metricsEndpoint(agentOf([{ name: '/a', samples: sampled(cells) }])).exposed();
    const shown = series.filter(({ name }) => name.startsWith('container_gpu_'));
    assert.deepEqual(
      shown.map(({ name, labels, value }) => [name, labels.card, labels.field_id, value]),
      [
        ['container_gpu_busy_time_seconds_total', '0', 'x', 0.0015],
        ['container_gpu_load_ratio', undefined, undefined, 0.125],
        ['container_gpu_memory_bytes', undefined, undefined, 2 ** 64],
      ],
    );
    assert.equal(types.get('container_gpu_busy_time_seconds_total'), 'counter');
    const text = await metricsEndpoint(agentOf([{ name: '/a', samples: sampled(cells) }])).text();
    assert.ok(text.includes('} 18446744073709551615 '), 'integers are exact');
  });

  it('prefer the container’s own disk counters to those of the filesystem', async () => {
    const io = field('diskio.io_serviced', { dimensions: ['major', 'minor', 'device', 'operation'] });
    const reads = field('filesystem.reads_completed', { dimensions: ['device'] });
    const time = field('filesystem.read_time', { unit: 'milliseconds', dimensions: ['device'] });
    const cells = [
      [{ field: reads, labels: ['/dev/sda'] }, 100],
      [{ field: reads, labels: ['/dev/sdb'] }, 200],
      [{ field: io, labels: ['8', '0', '/dev/sda', 'Read'] }, 1],
      [{ field: io, labels: ['9', '0', '', 'Read'] }, 7],
      [{ field: io, labels: ['9', '1', '', 'Read'] }, 8],
      [{ field: time, labels: ['/dev/sda'] }, 1234],
    ] as const;
    const { series } = await metricsEndpoint(agentOf([{ name: '/a', samples: sampled(cells) }])).exposed();
    const shown = (name: string) =>
      Object.fromEntries(named(series, name).map((one) => [one.labels.device, one.value]));
    assert.deepEqual(shown('container_fs_reads_total'), { '/dev/sda': 1, '/dev/sdb': 200, '9:0': 7, '9:1': 8 });
    assert.deepEqual(shown('container_fs_read_seconds_total'), { '/dev/sda': 1.234 });
    assert.deepEqual(
      series
        .map(({ name }) => name)
        .filter((name) => /^container_(cpu|fs_w|memory|network|tasks|processes)/.test(name)),
      [],
      'what the container lacks has no series',
    );
  });

  it('have CPU time per CPU where known, else in total, and quota counters only with a quota', async () => {
    const ns = { unit: 'nanoseconds', kind: 'counter' } as const;
    const total: Column = { field: field('cpu.usage.total', ns) };
    const cpu = (n: string): Column => ({
      field: field('cpu.usage.per_cpu', { ...ns, dimensions: ['cpu'] }),
      labels: [n],
    });
    const throttled: Column = { field: field('cpu.cfs.throttled_time', ns) };
    const { series } = await metricsEndpoint(
      agentOf([
        {
          name: '/v1',
          samples: sampled([
            [total, 3e9],
            [cpu('0'), 0],
            [cpu('1'), 3e9],
            [throttled, 5],
          ]),
        },
        {
          name: '/v2',
          samples: sampled([
            [total, 4_000_000_001],
            [throttled, 5],
          ]),
          limits: { hasCpu: true, cpu: { limit: 1n, quota: 5n } },
        },
        { name: '/idle', samples: sampled([[total, 0]]) },
      ]),
    ).exposed();
    assert.deepEqual(
      named(series, 'container_cpu_usage_seconds_total').map(({ labels, value }) => [labels.id, labels.cpu, value]),
      [
        ['/v1', 'cpu01', 3],
        ['/v2', 'total', 4.000000001],
      ],
    );
    assert.deepEqual(
      named(series, 'container_cpu_cfs_throttled_seconds_total').map(({ labels, value }) => [labels.id, value]),
      [['/v2', 5e-9]],
    );
  });

  it('have the times of their samples or none', async () => {
    const containers = [labelled('/a', {})];
    const [stamped] = await usageOf(containers);
    assert.equal(stamped!.time, Math.floor(TIME / 1000));
    const [plain] = await usageOf(containers, { timestamps: false });
    assert.equal(plain!.time, undefined);
    const endpoint = metricsEndpoint(agentOf(containers));
    const openMetrics = (await endpoint.scrape({ accept: 'application/openmetrics-text' })).body.toString();
    assert.ok(openMetrics.includes('container_memory_usage_bytes{id="/a",image="",name=""} 1 1795518450.605\n'));
  });

  it('of a container without samples are its limits and state only', async () => {
    const container: FakeContainer = { name: '/a', createdAt: TIME, limits: { hasCpu: true, cpu: { limit: 2n } } };
    const { series } = await metricsEndpoint(agentOf([container])).exposed();
    assert.deepEqual(
      series.filter(({ labels }) => labels.id === '/a').map(({ name }) => name),
      [
        'container_creation_time_seconds',
        'container_health_state',
        'container_spec_cpu_shares',
        'container_start_time_seconds',
      ],
    );
  });
});

describe('series of what the runtime reports', () => {
  const state = {
    status: 'paused',
    exitCode: 3,
    oomKilled: false,
    startedAt: 5_000_000,
    finishedAt: 4_000_000,
  } as const;
  const container: FakeContainer = {
    name: '/docker/x',
    namespace: 'docker',
    aliases: ['web'],
    createdAt: 1_000_000,
    description: {
      restartCount: 2,
      imageId: 'sha256:1',
      state: { ...state, health: { status: 'unhealthy', failingStreak: 4 } },
    },
  };

  it('are state, restarts, health, image and times', async () => {
    const { series, types } = await metricsEndpoint(agentOf([container])).exposed();
    const value = (name: string, label?: [string, string]) =>
      named(series, name).find(({ labels }) => label === undefined || labels[label[0]] === label[1])?.value;
    assert.equal(value('container_state', ['state', 'paused']), 1);
    assert.equal(value('container_state', ['state', 'running']), 0);
    assert.equal(value('container_restarts_total'), 2);
    assert.equal(types.get('container_restarts_total'), 'counter');
    assert.equal(value('container_exit_code'), 3);
    assert.equal(value('container_oom_killed'), 0);
    assert.equal(value('container_health_state'), 0);
    assert.equal(value('container_health_failing_streak'), 4);
    assert.equal(value('container_image_info', ['image_id', 'sha256:1']), 1);
    assert.equal(value('container_start_time_seconds'), 5);
    assert.equal(value('container_creation_time_seconds'), 1);
    assert.equal(value('container_finished_time_seconds'), 4);
  });

  it('include exit state and OOM kills of an ended container', async () => {
    const { log, tell } = eventSource();
    const ended: DepartedContainer[] = [];
    let containers = [container];
    const agent = agentOf([], { events: log, departed: () => ended });
    const live = { ...agent, containers: () => agentOf(containers).containers() };
    const endpoint = metricsEndpoint(live);
    await endpoint.exposed();
    tell({ containerName: '/docker/x', time: TIME, type: 'oom' });
    containers = [];
    const description = {
      ...agentOf([container]).container('/docker/x')!.description,
      state: { ...state, status: 'exited', exitCode: 137, reason: 'OOMKilled', oomKilled: true } as const,
    };
    ended.push({ name: '/docker/x', description }, { name: '/docker/x', description });
    const { series } = await endpoint.exposed();
    const of = (name: string) => named(series, name).map(({ value, labels, time }) => [labels.name, value, time]);
    assert.deepEqual(of('container_exit_code'), [['web', 137, undefined]]);
    assert.equal(named(series, 'container_exit_reason_info')[0]?.labels.reason, 'OOMKilled');
    assert.deepEqual(of('container_oom_events_total'), [['web', 1, undefined]]);
    assert.deepEqual(of('container_memory_usage_bytes'), []);
    assert.deepEqual(of('container_last_seen'), []);
  });
});

it('sets no timers of the plugin, each call of which would count as a success of the endpoint', () => {
  const clock = new FakeClock();
  const context = testContext({ clock, agent: agentOf([]) });
  prometheus.create(context, prometheus.configSchema.parse({}));
  assert.equal(clock.timers, 0);
  context.dispose();
});
