import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { busy, capsuleOf, PagesBench } from '../../../../../test/support/pages-bench.js';
import type { EngineReport, Finding, PluginStatus } from '../../../../kernel/contracts/index.js';

describe('the overview', () => {
  const bench = new PagesBench();
  after(() => bench.stop());

  it('has every container of every runtime with its numbers, limits, state and what is wrong', async () => {
    const state = { status: 'exited' as const, exitCode: 127, finishedAt: Date.now() * 1000 - 600e6 };
    const ended = { aliases: ['job'], namespace: 'podman', labels: {}, envs: {}, networkMode: 'none' as const, state };
    const limits = {
      hasMemory: true,
      hasCpu: true,
      cpu: { limit: 1n, quota: 200_000n, period: 100_000n },
      memory: { limit: 4096n },
    };
    const finding = {
      rule: 'x',
      severity: 'error' as const,
      harm: 90,
      what: 'it <b>is</b>',
      meaning: '',
      evidence: [],
      mend: '',
    };
    const get = await bench.serve({
      containers: [
        busy('/', 1, 1),
        busy('/docker/1', 0.5, 3072, {
          namespace: 'docker',
          aliases: ['web'],
          limits,
          description: { image: 'shop/web:1' },
        }),
        busy('/x.slice', 1, 1),
      ],
      departed: [{ name: '/podman/2', description: ended }],
      capsules: [{ ...capsuleOf('c1'), container: '/podman/2' }],
      diagnoses: { '/docker/1': { findings: [finding, finding], lookedAt: [] } },
    });
    const { status, body } = await get('/containers/');
    assert.equal(status, 200);
    for (const text of [
      '<a href="/containers/docker/1" title="/docker/1">web</a>',
      'shop/web:1',
      '<span class="v">0.5</span>',
      '3 KiB, 75 % of its limit of 4 KiB',
      '<a class="wrong error" href="/containers/docker/1#why">it &lt;b&gt;is&lt;/b&gt;</a> <small>+1</small>',
      'exited, code 127: its command was not found',
      '10 min ago',
      'href="/api/capsules/c1" download>capsule</a>',
      '2 containers',
      '<details class="host">',
    ]) {
      assert.ok(body.includes(text), text);
    }
    assert.ok(!body.includes('/x.slice"'), 'a cgroup without a runtime');
    assert.ok((await get('/containers/?all=1')).body.includes('/x.slice"'));
    assert.ok((await get('/containers/?q=job')).body.includes('value="job"'));
    assert.ok((await get('/containers/?state=running&q=nothing')).body.includes('<p class="none quiet">'));
    assert.doesNotMatch(body, / style="|<style|<script>|javascript:| on\w+="/);
  });

  it('says what is broken, as every page does, and nothing when nothing is', async () => {
    const findings: Finding[] = [{ id: 'x', severity: 'warning', what: 'a fault', effect: 'a loss', mend: 'mend it' }];
    const plugins = [
      { id: 'docker', state: 'retrying', up: false, lastError: 'no socket' } as PluginStatus,
      { id: 'cpu', state: 'running', up: true } as PluginStatus,
    ];
    const containers = [busy('/', 1, 1), busy('/a', 1, 1, { namespace: 'docker', aliases: ['web'] })];
    const broken = await bench.serve({ containers, findings, plugins });
    const sound = await bench.serve({ containers, plugins: plugins.slice(1) });
    for (const path of ['/containers/', '/containers/a', '/docker/', '/docker/web', '/podman/']) {
      const { body } = await broken(path);
      for (const text of ['a fault', 'a loss', '<pre>mend it</pre>', 'Plugin docker</strong> is retrying: no socket']) {
        assert.ok(body.includes(text), `${path}: ${text}`);
      }
      assert.ok(!(await sound(path)).body.includes('What is broken'), path);
    }
  });

  it('shows 50 of 5,000 containers, says so, leads to the others, and others are answered meanwhile', async () => {
    const names = Array.from({ length: 5000 }, (_, index) => `/many/c${String(index).padStart(4, '0')}`);
    const containers = [
      busy('/many', 1, 1, { children: names }),
      ...names.map((name, index) => busy(name, index / 1000, index * 1024)),
    ];
    const get = await bench.serve({ containers });
    const shown = (body: string): string[] => [...body.matchAll(/title="(\/many\/\w+)"/g)].map(([, name]) => name!);
    const page = get('/containers/many?sort=name');
    const order: string[] = [];
    await Promise.all([page.then(() => order.push('page')), get('/healthz').then(() => order.push('healthz'))]);
    assert.deepEqual(order, ['healthz', 'page']);
    const first = (await page).body;
    assert.deepEqual(shown(first), names.slice(0, 50));
    assert.ok(
      first.includes('5000 containers') && first.includes('1–50') && first.includes('href="?sort=name&amp;page=2"'),
    );
    const byMemory = (await get('/containers/many?sort=memory&page=2')).body;
    assert.deepEqual(shown(byMemory), names.slice(-100, -50).reverse());
    assert.ok(byMemory.includes('aria-sort="descending"><a href="?sort=memory&amp;reverse=1"'));
    for (const odd of ['?page=99', '?page=-1', '?page=x&sort=bogus', '?page=1e9']) {
      assert.equal(shown((await get(`/containers/many${odd}`)).body).length, 50, odd);
    }
  });
});

describe('the page of a namespace', () => {
  const bench = new PagesBench();
  after(() => bench.stop());

  it('has the containers of a namespace, those that ended, and its engines', async () => {
    const info = {
      version: '20.10',
      apiVersion: '1.41',
      containers: { total: 3, running: 1, paused: 0, stopped: 2 },
      storageDriver: 'overlay2',
      storageStatus: [{ name: 'Backing Filesystem', value: 'extfs' }],
      images: [{ id: 'sha256:1', tags: ['shop/web:1'], size: 2 ** 20, createdAt: 1e15 }],
    } as unknown as EngineReport['info'];
    const engines = [
      { runtime: 'docker', endpoint: 'unix:///d', info: info! },
      { runtime: 'podman', endpoint: 'unix:///p', reason: 'no such socket' },
    ];
    const departed = {
      aliases: ['job'],
      namespace: 'docker',
      labels: {},
      envs: {},
      networkMode: 'none' as const,
      state: { status: 'exited' as const, exitCode: 137, oomKilled: true, finishedAt: 2e15 },
    };
    const containers = [
      busy('/docker/1', 1, 1, { namespace: 'docker', aliases: ['web', '1'], description: { image: 'shop/web:1' } }),
    ];
    const get = await bench.serve({
      containers,
      engines,
      departed: [{ name: '/docker/2', description: departed }],
      capsules: [{ ...capsuleOf('20261127T001122Z-job-1'), container: '/docker/2' }],
    });
    const docker = (await get('/docker/')).body;
    for (const text of [
      '<a href="/containers/docker/1"',
      'killed for lack of memory',
      '>capsule</a>',
      'its reason',
      '<a href="/api/capsules/20261127T001122Z-job-1" download>40 KiB</a>',
      'Docker 20.10',
      'extfs',
      'shop/web:1',
      '3: 1 running',
    ]) {
      assert.ok(docker.includes(text), text);
    }
    const podman = (await get('/podman/')).body;
    assert.ok(
      podman.includes('No container of podman runs') && podman.includes('unix:///p cannot be asked: no such socket'),
    );
    assert.ok(!podman.includes('shop/web') && !podman.includes('No container handler'));
    assert.ok(
      podman.includes('<a href="/docker/">Docker</a>') && !podman.includes('>Podman</a>'),
      'only what is in use',
    );
    assert.match((await (await bench.serve({}))('/podman/')).body, /No container handler of that name runs/);
  });

  it('puts containers of a project or pod together, with their sums, where it is grouped', async () => {
    const of = (name: string, labels: Record<string, string>) =>
      busy(`/docker/${name}`, 1, 2 ** 20, { namespace: 'docker', aliases: [name], description: { labels } });
    const project = (service: string) => ({
      'com.docker.compose.project': 'shop',
      'com.docker.compose.service': service,
    });
    const pod = { 'io.kubernetes.pod.name': 'web-0', 'io.kubernetes.pod.namespace': 'prod' };
    const containers = [of('a', project('db')), of('b', {}), of('c', pod), of('d', project('web'))];
    const get = await bench.serve({ containers });
    const shown = (body: string) =>
      [...body.matchAll(/rowgroup" colspan="3">([^<]*) <small>([^<]*)|href="\/containers\/docker\/(\w)" title/g)].map(
        ([, group, count, name]) => name ?? `${group}: ${count}`,
      );
    assert.deepEqual(shown((await get('/docker/?by=project&sort=name')).body), [
      'shop: 2',
      'a',
      'd',
      'without a project or pod: 1',
      'b',
      'prod/web-0: 1',
      'c',
    ]);
    assert.deepEqual(shown((await get('/docker/?sort=memory')).body), ['a', 'b', 'c', 'd']);
    assert.match((await get('/docker/a')).body, /<dt>Group<\/dt><dd>shop <small>compose/);
  });
});
