import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AgentView } from './agent-view.js';
import type { ContainerDescription } from './container.js';
import { findContainer } from './find-container.js';
import { limitLines, shellWord } from './limit-lines.js';

const described = (more: Partial<ContainerDescription> = {}): ContainerDescription => ({
  aliases: [],
  labels: {},
  envs: {},
  networkMode: 'none',
  state: { status: 'running' },
  ...more,
});
const CHANGE = { cpus: 1.5, memory: 200 * 2 ** 20 };

describe('limitLines', () => {
  const linesOf = (name: string, more: Partial<ContainerDescription>, version: 1 | 2 = 2) =>
    limitLines({ name, description: described(more) }, CHANGE, version).map(({ tool, line }) => `${tool}: ${line}`);

  it('uses the command of the engine, and the compose service', () => {
    const labels = { 'com.docker.compose.service': 'shop' };
    assert.deepEqual(linesOf('/docker/1', { namespace: 'docker', aliases: ['shop-web-1'], labels }), [
      'docker: docker update --cpus 1.5 --memory 200m --memory-swap 400m shop-web-1',
      'compose: services: { shop: { cpus: 1.5, mem_limit: 200m } }',
    ]);
  });

  it('uses properties of units', () => {
    assert.deepEqual(linesOf(String.raw`/system.slice/a\x2db.service`, {}), [
      String.raw`systemd: systemctl set-property 'a\x2db.service' CPUQuota=150% MemoryMax=200M`,
    ]);
  });

  it('uses the resources of a container in a pod', () => {
    const labels = { 'io.kubernetes.pod.name': 'web-0', 'io.kubernetes.container.name': 'app' };
    assert.deepEqual(linesOf('/kubepods/1', { namespace: 'containerd', labels }), [
      'kubernetes: containers: [{ name: app, resources: { limits: { cpu: 1500m, memory: 200Mi } } }]',
    ]);
  });

  it('writes the files of raw cgroups of both versions, and returns nothing for the machine', () => {
    assert.deepEqual(linesOf('/job', {}), [
      "shell: echo '150000 100000' > /sys/fs/cgroup/job/cpu.max",
      'shell: echo 209715200 > /sys/fs/cgroup/job/memory.max',
    ]);
    assert.deepEqual(linesOf('/job', {}, 1), [
      'shell: echo 150000 > /sys/fs/cgroup/cpu/job/cpu.cfs_quota_us',
      'shell: echo 209715200 > /sys/fs/cgroup/memory/job/memory.limit_in_bytes',
    ]);
    assert.deepEqual(linesOf('/', {}), []);
  });

  it('quotes arguments for the shell', () => {
    assert.equal(shellWord('web-1.service'), 'web-1.service');
    assert.equal(shellWord("it's; rm -rf /"), String.raw`'it'\''s; rm -rf /'`);
  });
});

describe('findContainer', () => {
  const running = [
    { name: '/docker/abc123', description: described({ id: 'abc123', aliases: ['web'] }) },
    { name: '/docker/abd456', description: described({ id: 'abd456', aliases: ['db'] }) },
    { name: '/system.slice/nginx.service', description: described() },
  ];
  const ended = [{ name: '/docker/eee', description: described({ id: 'eee', aliases: ['job'] }) }];
  const agent = { containers: () => running, departed: () => ended } as unknown as AgentView;

  it('finds a container by absolute name, alias, id prefix or unit, also one that ended', () => {
    for (const text of ['/docker/abc123', 'docker/abc123', 'web', 'abc']) {
      assert.equal(findContainer(agent, text).name, '/docker/abc123');
    }
    assert.equal(findContainer(agent, 'nginx.service').name, '/system.slice/nginx.service');
    assert.equal(findContainer(agent, 'job').name, '/docker/eee');
  });

  it('rejects an ambiguous or unknown name', () => {
    assert.throws(() => findContainer(agent, 'nothing'), { status: 404 });
    const same = {
      ...agent,
      containers: () => [...running, { ...running[0]!, name: '/other/1' }],
    } as unknown as AgentView;
    assert.throws(() => findContainer(same, 'web'), /fits several containers: \/docker\/abc123, \/other\/1/);
  });
});
