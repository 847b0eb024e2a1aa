import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import plugin from '../../src/plugins/container-handlers/docker/index.js';
import { until } from '../support/discovery.js';
import { DockerEngine, IMAGE } from '../support/docker-engine.js';
import { run } from '../support/engine-process.js';
import { type HandlerBench, pluginContext, runAndWatch, startHandler } from '../support/handler-bench.js';
import { DOCKER_ENGINE, needs } from '../support/needs.js';

describe('docker handler on a real engine', { skip: needs(...DOCKER_ENGINE) }, () => {
  let engine: DockerEngine;
  let bench: HandlerBench;
  const context = pluginContext();

  before(async () => {
    engine = await DockerEngine.start(['--bridge=none', '--iptables=false', '--live-restore']);
    bench = await startHandler(plugin, context, { endpoint: engine.endpoint, envAllow: ['APP_*'], grace: '5s' });
  });
  after(async () => {
    await bench.handler.stop?.();
    context.dispose();
    await engine.stop();
  });

  const started = (...args: string[]) => runAndWatch(bench, engine, args);

  it('describes a container completely', async () => {
    const args = ['--name=full', '-l', 'com.acme.tier=front', '-e', 'APP_TIER=web', '-e', 'SECRET=x', IMAGE];
    const { id, path } = await started(...args);
    const description = await bench.accepted(path, ({ state, pid }) => state.status === 'running' && pid !== undefined);
    const { storage, createdAt, createdAtExtraNs, state, ...rest } = description;
    assert.deepEqual(rest, {
      id,
      aliases: ['full', id],
      namespace: 'docker',
      labels: { 'com.acme.tier': 'front' },
      envs: { app_tier: 'web' },
      image: IMAGE,
      imageId: await engine.inspect(id, '.Image'),
      pid: Number(await engine.inspect(id, '.State.Pid')),
      networkMode: 'own',
      restartCount: 0,
    });
    const { startedAt, startedAtExtraNs, ...others } = state;
    const nanoseconds = (micros: number | undefined, extraNs = 0) => BigInt(micros!) * 1000n + BigInt(extraNs);
    const reported = async (what: string) => {
      const [, second, fraction = ''] = /^(.*?)(?:\.(\d+))?Z$/.exec(await engine.inspect(id, what))!;
      return BigInt(Date.parse(`${second}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
    };
    assert.equal(nanoseconds(createdAt, createdAtExtraNs), await reported('.Created'));
    assert.equal(nanoseconds(startedAt, startedAtExtraNs), await reported('.State.StartedAt'));
    assert.deepEqual(others, { status: 'running', oomKilled: false });
    assert.equal(storage!.writableLayer, await engine.inspect(id, '.GraphDriver.Data.UpperDir'));
    assert.equal(storage!.ownDirectory, `${engine.dataRoot}/containers/${id}`);
  });

  it('reports where the images are', async () => {
    await until(
      () => context.labelled.get('docker-images') === engine.dataRoot,
      () => JSON.stringify([...context.labelled]),
    );
  });

  it('distinguishes network modes', async () => {
    const host = await engine.cli('run', '-d', '--network=host', '--name=net-host', IMAGE);
    const shared = await engine.cli('run', '-d', `--network=container:${host}`, '--name=net-shared', IMAGE);
    for (const [id, mode] of [
      [host, 'host'],
      [shared, 'shared'],
    ] as const) {
      const path = await engine.cgroup(id);
      bench.watch(path);
      assert.equal((await bench.accepted(path)).networkMode, mode);
    }
  });

  it('follows pause, rename and health', async () => {
    const health = ['--health-cmd=cat /ok', '--health-interval=1s', '--health-retries=2'];
    const { id, path } = await started('--name=changing', ...health, IMAGE);
    await bench.accepted(path, ({ state }) => state.health?.status === 'unhealthy');
    await bench.accepted(path, ({ state }) => (state.health?.failingStreak ?? 0) >= 3);
    await engine.cli('exec', id, 'touch', '/ok');
    await bench.accepted(path, ({ state }) => state.health?.status === 'healthy' && state.health.failingStreak === 0);
    await engine.cli('pause', id);
    await bench.accepted(path, ({ state }) => state.status === 'paused');
    await engine.cli('unpause', id);
    await bench.accepted(path, ({ state }) => state.status === 'running');
    await engine.cli('rename', id, 'changed');
    const { aliases } = await bench.accepted(path, (description) => description.aliases[0] === 'changed');
    assert.deepEqual(aliases, ['changed', id]);
    await engine.cli('rm', '-f', id);
  });

  it('counts restarts by policy, in a label too', async () => {
    const { id, path } = await started(
      '--name=restarting',
      '--restart=on-failure:3',
      IMAGE,
      'sh',
      '-c',
      'sleep 1; exit 3',
    );
    const { labels } = await bench.accepted(path, ({ restartCount }) => (restartCount ?? 0) >= 2);
    assert.match(labels.restartcount!, /^[23]$/);
    const last = await bench.accepted(
      path,
      ({ state, restartCount }) => restartCount === 3 && state.status === 'exited',
    );
    assert.equal(last.state.exitCode, 3);
    await engine.cli('rm', '-f', id);
  });

  it('keeps the end of a container that is gone: exit code and out-of-memory kill', async () => {
    const command = 'sleep 1; dd if=/dev/zero of=/dev/null bs=64M';
    const { id, path } = await started(
      '--rm',
      '--name=greedy',
      '-m=8m',
      '--memory-swap=8m',
      IMAGE,
      'sh',
      '-c',
      command,
    );
    await bench.accepted(path);
    const ended = () => bench.handler.departed!().find(({ name }) => name === path)?.description;
    await until(
      () => ended()?.state.oomKilled === true,
      () => JSON.stringify(ended()),
    );
    assert.deepEqual(ended()!.aliases, ['greedy', id]);
    assert.equal(ended()!.state.status, 'exited');
    assert.equal(ended()!.state.exitCode, 137);
    assert.equal(ended()!.pid, undefined);
  });

  it('reports what the engine says about itself', async () => {
    const [report] = await bench.handler.engines!();
    const { info } = report!;
    assert.equal(info!.version, await engine.cli('version', '-f', '{{.Server.Version}}'));
    assert.equal(info!.rootDirectory, engine.dataRoot);
    assert.equal(info!.storageDriver, await engine.cli('info', '-f', '{{.Driver}}'));
    assert.ok(info!.images.some(({ tags }) => tags.includes(IMAGE)));
  });

  it('reports the size of images and volumes when configured', async () => {
    await engine.cli('volume', 'create', 'filled');
    const fill = 'dd if=/dev/zero of=/mnt/data bs=1k count=512';
    await engine.cli('run', '--network=none', '--name=filler', '-v=filled:/mnt', IMAGE, 'sh', '-c', fill);
    const { handler: asking } = await startHandler(plugin, context, { endpoint: engine.endpoint, engineUsage: true });
    try {
      await until(
        () => asking.engineUsage!().length > 0,
        () => JSON.stringify(context.log),
      );
    } finally {
      await asking.stop?.();
    }
    const [usage] = asking.engineUsage!();
    const { Images, LayersSize, Volumes } = JSON.parse(
      await run('curl', [
        '-s',
        '--unix-socket',
        engine.endpoint.slice('unix://'.length),
        'http://engine/system/df',
      ]).then(({ stdout }) => stdout),
    );
    assert.equal(usage!.imagesBytes, LayersSize);
    assert.deepEqual(
      usage!.images.map(({ id, tags, bytes }) => ({ id, tags, bytes })),
      Images.map(({ Id: id, RepoTags: tags, Size: bytes }: Record<string, unknown>) => ({ id, tags, bytes })),
    );
    const volume = usage!.volumes.find(({ name }) => name === 'filled');
    assert.deepEqual(volume, { name: 'filled', bytes: Volumes[0].UsageData.Size, containers: 1 });
    assert.ok(volume.bytes! >= 512 * 1024);
    await engine.cli('rm', '-f', '-v', 'filler');
    await engine.cli('volume', 'rm', 'filled');
    assert.deepEqual(bench.handler.engineUsage!(), [], 'nobody asked this one to');
  });

  it('misses none of a storm of containers, and leaves none over', async () => {
    const names = Array.from({ length: 30 }, (_, index) => `storm-${index}`);
    // Docker before 24.0.7 can deadlock for ever when many containers leave one network at once (moby/libnetwork#2649).
    const network = `--network=container:${await engine.run(IMAGE)}`;
    const ids = await Promise.all(names.map((name) => engine.cli('run', '-d', network, `--name=${name}`, IMAGE)));
    const paths = ids.map((id) => `/docker/${id}`);
    for (const path of paths) bench.watch(path);
    const found = await Promise.all(paths.map((path) => bench.accepted(path, ({ pid }) => pid !== undefined)));
    assert.deepEqual(
      found.map(({ aliases }) => aliases[0]),
      names,
    );
    await engine.cli('rm', '-f', ...ids);
    // One whose cgroup goes later than it keeps its name until then, and tells how it ended.
    for (const path of paths) {
      await bench.accepted(path, ({ state }) => state.status === 'exited' && state.exitCode === 137);
    }
    const ended = new Set(bench.handler.departed!().map(({ name }) => name));
    assert.deepEqual(
      paths.filter((path) => !ended.has(path)),
      [],
    );
  });

  it('keeps the names through a killed daemon, and learns what happened meanwhile', async () => {
    const { id, path } = await started('--name=survivor', IMAGE);
    await bench.accepted(path, ({ state }) => state.status === 'running');
    await engine.kill();
    const stale = await bench.accepted(path, (description) => description.stale === true);
    assert.deepEqual(stale.aliases, ['survivor', id]);
    assert.equal(bench.handler.runtime!(), undefined);
    const unknown = `/docker/${'f'.repeat(64)}`;
    bench.watch(unknown);
    assert.deepEqual((await bench.accepted(unknown)).aliases, ['f'.repeat(64)]);
    await engine.launch();
    const fresh = await bench.accepted(path, (description) => description.stale !== true);
    assert.deepEqual(fresh.aliases, ['survivor', id]);
    await until(
      () => bench.verdicts.get(unknown)?.verdict === 'pass',
      () => JSON.stringify(bench.verdicts.get(unknown)),
    );
    const { version } = bench.handler.runtime!()!;
    assert.equal(version, await engine.cli('version', '-f', '{{.Server.Version}}'));
    const warnings = context.log.filter(({ level }) => level === 'warn');
    assert.equal(warnings.length, 1, JSON.stringify(warnings));
  });
});
