import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import plugin from '../../src/plugins/container-handlers/podman/index.js';
import { until } from '../support/discovery.js';
import { type HandlerBench, pluginContext, runAndWatch, startHandler } from '../support/handler-bench.js';
import { needs, PODMAN_ENGINE } from '../support/needs.js';
import { PODMAN_IMAGE, PodmanEngine } from '../support/podman-engine.js';

describe('podman handler on a real engine', { skip: needs(...PODMAN_ENGINE) }, () => {
  let engine: PodmanEngine;
  let bench: HandlerBench;
  const context = pluginContext();

  before(async () => {
    engine = await PodmanEngine.start();
    bench = await startHandler(plugin, context, { endpoint: engine.endpoint, envAllow: ['APP_TIER'] });
  });
  after(async () => {
    await bench.handler.stop?.();
    context.dispose();
    await engine.stop();
  });

  const started = (...args: string[]) => runAndWatch(bench, engine, args);

  it('describes a container completely', async () => {
    const args = ['--name=full', '-l', 'com.acme.tier=front', '-e', 'APP_TIER=web', PODMAN_IMAGE];
    const { id, path } = await started(...args);
    assert.match(path, new RegExp(`/libpod-${id}$`));
    const description = await bench.accepted(path, ({ pid }) => pid !== undefined);
    const { storage, createdAt, createdAtExtraNs: _, state, imageId, ...rest } = description;
    assert.deepEqual(rest, {
      id,
      aliases: ['full', id],
      namespace: 'podman',
      labels: { 'com.acme.tier': 'front' },
      envs: { app_tier: 'web' },
      image: PODMAN_IMAGE,
      pid: Number(await engine.cli('inspect', '-f', '{{.State.Pid}}', id)),
      networkMode: 'own',
      restartCount: 0,
    });
    assert.equal(imageId, `sha256:${await engine.cli('inspect', '-f', '{{.Image}}', id)}`);
    assert.equal(state.status, 'running');
    assert.ok(state.startedAt! >= createdAt!);
    assert.equal(storage!.writableLayer, await engine.cli('inspect', '-f', '{{.GraphDriver.Data.UpperDir}}', id));
  });

  it('follows pause, rename, health and the end', async () => {
    const health = ['--health-cmd=cat /ok', '--health-interval=disable', '--health-retries=1'];
    const { id, path } = await started('--name=changing', ...health, PODMAN_IMAGE);
    await bench.accepted(path, ({ state }) => state.health?.status === 'starting');
    await engine.cli('healthcheck', 'run', id).catch(() => {});
    await bench.accepted(path, ({ state }) => state.health?.status === 'unhealthy' && state.health.failingStreak >= 1);
    await engine.cli('pause', id);
    await bench.accepted(path, ({ state }) => state.status === 'paused');
    await engine.cli('unpause', id);
    await bench.accepted(path, ({ state }) => state.status === 'running');
    await engine.cli('rename', id, 'changed');
    await bench.accepted(path, ({ aliases }) => aliases[0] === 'changed');
    await engine.cli('rm', '-f', '-t', '0', id);
    const ended = () => bench.handler.departed!().find(({ name }) => name === path)?.description;
    await until(
      () => ended()?.state.exitCode === 137,
      () => JSON.stringify(ended()),
    );
    assert.equal(ended()!.state.status, 'exited');
  });

  it('does not take monitors for containers', async () => {
    const { path } = await started('--name=watched', PODMAN_IMAGE);
    await bench.accepted(path);
    const parent = path.slice(0, path.lastIndexOf('/'));
    assert.equal(bench.watch(`${parent}/conmon`).verdict, 'pass');
    assert.equal(bench.watch(path.replace('libpod-', 'libpod-conmon-')).verdict, 'ignore');
  });

  it('keeps the names while the service is gone', async () => {
    const { id, path } = await started('--name=survivor', PODMAN_IMAGE);
    await bench.accepted(path, ({ pid }) => pid !== undefined);
    await engine.kill();
    assert.deepEqual((await bench.accepted(path, ({ stale }) => stale === true)).aliases, ['survivor', id]);
    const late = await started('--name=late', PODMAN_IMAGE);
    assert.deepEqual((await bench.accepted(late.path)).aliases, [late.id]);
    await engine.launch();
    await bench.accepted(path, ({ stale }) => stale !== true);
    await bench.accepted(late.path, ({ aliases }) => aliases[0] === 'late');
  });
});
