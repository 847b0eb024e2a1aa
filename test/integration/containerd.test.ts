import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { ContainerDescription } from '../../src/kernel/contracts/index.js';
import plugin from '../../src/plugins/container-handlers/containerd/index.js';
import { AgentProcess } from '../support/agent-process.js';
import { ContainerdEngine, IMAGE } from '../support/containerd-engine.js';
import { until } from '../support/discovery.js';
import { type HandlerBench, pluginContext, startHandler } from '../support/handler-bench.js';
import { CONTAINERD_ENGINE, needs } from '../support/needs.js';

/** Namespaces of this run: their cgroups are next to those of others. */
const SHOP = `tallyman-test-${process.pid}-shop`;
const DEPOT = `tallyman-test-${process.pid}-depot`;
const SLEEP = ['sleep', '100000'];
const MIB = 2 ** 20;

interface Info {
  readonly ID: string;
  readonly Labels: Readonly<Record<string, string>>;
  readonly Image: string;
  readonly Runtime: { readonly Name: string };
  readonly Snapshotter: string;
  readonly SnapshotKey: string;
  readonly CreatedAt: string;
}

interface Spec {
  readonly aliases: readonly string[];
  readonly namespace: string;
  readonly image: string;
  readonly cpu: { readonly quota: number; readonly period: number };
  readonly memory: { readonly limit: number };
}

describe('a real containerd', { skip: needs(...CONTAINERD_ENGINE) }, () => {
  const context = pluginContext();
  let containerd: ContainerdEngine;
  let bench: HandlerBench;
  let agent: AgentProcess;

  before(async () => {
    containerd = await ContainerdEngine.start(SHOP, DEPOT);
    const options = { endpoint: containerd.endpoint, timeout: '3s', resyncInterval: '200ms', envAllow: ['TIER'] };
    bench = await startHandler(plugin, context, options);
    const config = `
housekeeping: { interval: 200ms, maxInterval: 200ms }
plugins:
  - { use: containerd, with: { endpoint: '${containerd.endpoint}' } }
  - { use: docker, enabled: false }
  - { use: podman, enabled: false }
  - { use: cri, enabled: false }
  - { use: disk, with: { interval: 200ms } }
`;
    agent = await AgentProcess.start(config);
  });
  after(async () => {
    await agent?.stop();
    await bench?.handler.stop?.();
    context.dispose();
    await containerd?.stop();
  });

  const start = async (namespace: string, options: readonly string[], id: string, command = SLEEP) => {
    await containerd.run(namespace, options, id, ...command);
    return `/${namespace}/${id}`;
  };
  const departed = (path: string) => bench.handler.departed!().find(({ name }) => name === path)?.description.state;
  const ended = async (path: string, what: string) => {
    await until(
      // The list of tasks does not show it, and may be quicker than the event.
      () => departed(path)?.oomKilled !== undefined,
      () => `${path} was not ${what}: ${JSON.stringify(bench.handler.departed!())}`,
    );
    return departed(path)!;
  };
  const only = <T>(answer: Record<string, T>): T => Object.values(answer)[0]!;

  it('has its containers named as ctr names them, in two namespaces', async () => {
    for (const namespace of [SHOP, DEPOT]) {
      const path = await start(namespace, ['--label', 'nerdctl/name=web', '--label', 'tier=front'], 'named');
      assert.equal(await containerd.cgroup(namespace, 'named'), path);
      bench.watch(path);
      const found = await bench.accepted(path, ({ storage }) => storage?.writableLayer !== undefined);
      const info = (await containerd.info(namespace, 'named')) as unknown as Info;
      const { 'containerd.namespace': of, 'containerd.runtime': runtime, ...rest } = found.labels;
      const { 'containerd.snapshotter': snapshotter, ...labels } = rest;
      const created = new Date(found.createdAt! / 1000).toISOString().slice(0, 23);
      assert.deepEqual(
        { id: found.id, labels, image: found.image, runtime, snapshotter, of, created },
        {
          id: info.ID,
          labels: info.Labels,
          image: info.Image,
          runtime: info.Runtime.Name,
          snapshotter: info.Snapshotter,
          of: namespace,
          created: info.CreatedAt.slice(0, 23),
        },
      );
      assert.deepEqual(found.aliases, ['web', 'named', `${namespace}/named`]);
      assert.deepEqual(found.envs, { tier: 'test' });
      const task = await containerd.task(namespace, 'named');
      assert.deepEqual([found.pid, found.state.status], [task!.pid, task!.status.toLowerCase()]);
      const images = await containerd.ctr(namespace, 'images', 'ls');
      assert.ok(images.includes(`${found.imageId} `), images);
      assert.equal(found.networkMode, 'own');
    }
  });

  it('reports when a container is paused and resumed', async () => {
    const path = await start(SHOP, ['--net-host'], 'paused');
    bench.watch(path);
    const { networkMode } = await bench.accepted(path);
    assert.equal(networkMode, 'host');
    await containerd.ctr(SHOP, 'tasks', 'pause', 'paused');
    await bench.accepted(path, ({ state }) => state.status === 'paused');
    await containerd.ctr(SHOP, 'tasks', 'resume', 'paused');
    await bench.accepted(path, ({ state }) => state.status === 'running');
  });

  it('reports how containers ended: by themselves, killed, and for lack of memory', async () => {
    const paths = {
      own: await start(SHOP, [], 'own', ['sh', '-c', 'sleep 0.5; exit 3']),
      killed: await start(SHOP, [], 'killed'),
      memory: await start(SHOP, ['--memory-limit', String(16 * MIB)], 'memory', [
        'sh',
        '-c',
        'sleep 0.5; dd if=/dev/zero of=/dev/null bs=64M',
      ]),
    };
    for (const path of Object.values(paths)) bench.watch(path);
    await bench.accepted(paths.killed, ({ pid }) => pid !== undefined);
    await containerd.ctr(SHOP, 'tasks', 'kill', '--signal', 'SIGKILL', 'killed');
    const own = await ended(paths.own, 'ended');
    assert.deepEqual([own.status, own.exitCode, own.oomKilled], ['exited', 3, false]);
    const killed = await ended(paths.killed, 'killed');
    assert.deepEqual([killed.status, killed.exitCode, killed.oomKilled], ['exited', 137, false]);
    assert.ok(Math.abs(killed.finishedAt! - Date.now() * 1000) < 60e6);
    const memory = await ended(paths.memory, 'out of memory');
    assert.deepEqual([memory.status, memory.exitCode], ['exited', 137]);
    // containerd may report it after the exit.
    await until(
      () => departed(paths.memory)?.oomKilled === true,
      () => JSON.stringify(departed(paths.memory)),
    );
  });

  it('knows a container again that is started anew', async () => {
    const path = await start(SHOP, [], 'again');
    bench.watch(path);
    const first = await bench.accepted(path, ({ pid }) => pid !== undefined);
    await containerd.ctr(SHOP, 'tasks', 'delete', '--force', 'again');
    await ended(path, 'ended');
    await containerd.ctr(SHOP, 'tasks', 'start', '--detach', 'again');
    const fits = ({ pid, state }: ContainerDescription) => pid !== first.pid && state.status === 'running';
    const second = await bench.accepted(path, fits);
    assert.ok(second.state.startedAt! > first.state.startedAt!);
    assert.equal(second.state.exitCode, 137);
    assert.equal(departed(path), undefined);
    assert.equal(second.pid, (await containerd.task(SHOP, 'again'))!.pid);
  });

  it('gives the reason without a writable layer, of other snapshotters and without a snapshot', async () => {
    const native = await start(SHOP, ['--snapshotter', 'native'], 'native');
    bench.watch(native);
    const { storage } = await bench.accepted(native, ({ imageId }) => imageId !== undefined);
    const reason = 'the snapshotter (native) does not tell the directory of the writable layer';
    assert.deepEqual(storage, { reason });
    const directory = containerd.path('image');
    await containerd.ctr(SHOP, 'run', '--detach', '--rootfs', directory, 'rootfs', '/bin/sleep', '100000');
    bench.watch(`/${SHOP}/rootfs`);
    const rootfs = await bench.accepted(`/${SHOP}/rootfs`);
    assert.deepEqual(rootfs.storage, { reason: `it has no snapshot: its root file system is ${directory}` });
  });

  it('leaves the namespaces of Docker and Kubernetes to their handlers while these run', async () => {
    for (const [namespace, owner] of [
      ['moby', 'docker'],
      ['k8s.io', 'cri'],
    ] as const) {
      await containerd.ctr(namespace, 'images', 'import', containerd.archive);
      const id = `tallyman-test-${process.pid}`;
      const path = await start(namespace, [], id);
      bench.watch(path);
      await bench.accepted(path);
      const other = pluginContext([owner]);
      const beside = await startHandler(plugin, other, { endpoint: containerd.endpoint });
      assert.deepEqual(await beside.settled(path), { verdict: 'pass' });
      assert.equal((await beside.settled(`/${SHOP}/named`)).verdict, 'accept');
      await beside.handler.stop!();
      other.dispose();
    }
  });

  it('keeps its names while it is dead, and has them back when it is there again', async () => {
    const path = `/${SHOP}/named`;
    await containerd.kill();
    await bench.accepted(path, ({ stale }) => stale === true);
    assert.equal(bench.handler.runtime!(), undefined);
    const [finding, ...others] = await bench.handler.findings!();
    assert.deepEqual([finding?.id, others], ['containerd-unreachable', []]);
    await containerd.launch();
    const back = await bench.accepted(path, ({ stale }) => stale !== true);
    assert.equal(back.aliases[0], 'web');
    assert.deepEqual(await bench.handler.findings!(), []);
  });

  it('keeps its names while it hangs', async () => {
    const path = `/${DEPOT}/named`;
    containerd.signal('SIGSTOP');
    await bench.accepted(path, ({ stale }) => stale === true);
    const [finding] = await bench.handler.findings!();
    assert.match(finding!.what, /did not answer about .* within 3000 ms/);
    containerd.signal('SIGCONT');
    await bench.accepted(path, ({ stale }) => stale !== true);
    const warnings = context.log.filter(({ level }) => level === 'warn').map(({ message }) => message);
    assert.equal(
      warnings.filter((message) => message.includes('trying again for ever')).length,
      2,
      warnings.join('\n'),
    );
  });

  it('is asked through the API by id, namespace and id, and nerdctl’s name', async () => {
    const id = `limited-${process.pid}`;
    const limits = ['--memory-limit', String(64 * MIB), '--cpu-quota', '50000', '--cpu-period', '100000'];
    const path = await start(SHOP, [...limits, '--label', `nerdctl/name=name-of-${id}`], id);
    const url = (name: string) => `/api/v2.0/spec/${name}?type=containerd`;
    // The runtime makes the cgroup first and writes its limits afterwards.
    const hasLimits = (answer: Record<string, Spec>) => only(answer)?.cpu.quota !== undefined;
    const specs = await agent.until<Record<string, Spec>>(url(id), hasLimits, id);
    assert.deepEqual(Object.keys(specs), [path]);
    const { aliases, namespace, image, cpu, memory } = only(specs);
    assert.deepEqual(
      { aliases, namespace, image, quota: cpu.quota, period: cpu.period, limit: memory.limit },
      {
        aliases: [`name-of-${id}`, id, `${SHOP}/${id}`],
        namespace: 'containerd',
        image: IMAGE,
        quota: 50_000,
        period: 100_000,
        limit: 64 * MIB,
      },
    );
    for (const name of [`${SHOP}/${id}`, `name-of-${id}`]) {
      assert.deepEqual(Object.keys(await agent.json<Record<string, Spec>>(url(name))), [path]);
    }
    await assert.rejects(agent.json(url('none')), /unable to find container "none" in "containerd" namespace/);
  });

  it('has the disk use of writable layers that ctr shows', async () => {
    const command = ['sh', '-c', 'dd if=/dev/zero of=/file bs=1M count=3; mkdir /a /b; exec sleep 100000'];
    await start(DEPOT, [], 'writer', command);
    type Stats = Record<string, { filesystem?: { base_usage: number; inode_usage: number }[] }[]>;
    const stats = `/api/v2.0/stats/${DEPOT}/writer?type=containerd&count=1`;
    const used = (answer: Stats) => only(answer)[0]?.filesystem?.[0]?.base_usage ?? 0;
    const measured = await agent.until<Stats>(stats, (answer) => used(answer) >= 3 * MIB, 'writer');
    const usage = (await containerd.ctr(DEPOT, 'snapshots', 'usage', 'writer')).split('\n').at(-1)!;
    const [, size, unit] = usage.split(/\s+/);
    assert.equal(unit, 'MiB', usage);
    assert.equal((used(measured) / MIB).toFixed(1), size, usage);
  });

  it('is among the engines, with its images as ctr lists them', async () => {
    const [engine, ...others] =
      await agent.json<
        { runtime: string; version: string; root_dir: string; driver: string; images: { repo_tags: string[] }[] }[]
      >('/api/engines');
    assert.deepEqual(others, []);
    const version = await containerd.ctr('default', 'version');
    assert.ok(version.includes(engine!.version), version);
    const { runtime, root_dir, driver, images } = engine!;
    assert.deepEqual(
      { runtime, root_dir, driver, images: images.map(({ repo_tags }) => repo_tags) },
      { runtime: 'containerd', root_dir: containerd.root, driver: 'overlayfs', images: [[IMAGE]] },
    );
  });
});
