import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { makeRegistry, type TestDiscoveryOptions, type TestRegistry, until } from '../../../test/support/discovery.js';
import type { Hierarchies } from '../containers/index.js';
import type { WatchDirectory } from './index.js';
import { watchByInotify } from './watch-pool.js';

const CONTROLLERS = ['cpu', 'memory', 'pids'] as const;
let root: string;
let hierarchies: Hierarchies;
let running: TestRegistry[];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tallyman-test-'));
  hierarchies = { version: 1, mounts: CONTROLLERS.map((name) => ({ controllers: [name], path: join(root, name) })) };
  for (const { path } of hierarchies.mounts) mkdirSync(path);
  running = [];
});

afterEach(() => {
  for (const registry of running) registry.stop();
  rmSync(root, { recursive: true });
});

type Name = (typeof CONTROLLERS)[number];
const make = (path: string, controllers: readonly Name[] = CONTROLLERS) => {
  for (const controller of controllers) mkdirSync(join(root, controller, path));
};
const remove = (path: string, controllers: readonly Name[] = CONTROLLERS) => {
  for (const controller of controllers) rmdirSync(join(root, controller, path));
};

async function start(options: TestDiscoveryOptions = {}): Promise<ReturnType<typeof makeRegistry>> {
  const made = makeRegistry(hierarchies, options);
  running.push(made.registry);
  await made.registry.start();
  return made;
}

describe('discovery in a directory tree', () => {
  it('reports the union of all hierarchies, parents first, before start resolves', async () => {
    make('/a');
    make('/a/b', ['memory']);
    make('/c', ['pids']);
    make('/run.mount');
    const { registry, recorder } = await start();
    assert.deepEqual(recorder.lines, ['added /', 'added /a', 'added /a/b', 'added /c']);
    assert.deepEqual(
      registry.all().map(({ name }) => name),
      ['/', '/a', '/a/b', '/c'],
    );
    assert.deepEqual(registry.children('/'), ['/a', '/c']);
    assert.deepEqual(registry.children('/a'), ['/a/b']);
    assert.deepEqual([...registry.get('/a/b')!.controllers], ['memory']);
    assert.deepEqual(
      registry.get('/a/b')!.missing.map(({ what }) => what),
      ['cpu', 'pids'],
    );
  });

  it('reports the machine without any mount, and a hierarchy that is mounted later', async () => {
    hierarchies = { version: 1, mounts: [{ controllers: ['cpu'], path: join(root, 'late') }] };
    const { registry, recorder } = await start({ rescanIntervalMs: 20 });
    assert.deepEqual(recorder.lines, ['added /']);
    assert.deepEqual([...registry.get('/')!.controllers], []);
    mkdirSync(join(root, 'late/a'), { recursive: true });
    await recorder.waitFor('controllers /', 'added /a');
    assert.deepEqual(recorder.lines, ['added /', 'controllers /', 'added /a']);
  });

  it('detects creation and removal at any depth', async () => {
    const { recorder } = await start();
    make('/a');
    await recorder.waitFor('added /a');
    make('/a/b');
    make('/a/b/c');
    await recorder.waitFor('added /a/b', 'added /a/b/c');
    remove('/a/b/c');
    remove('/a/b');
    remove('/a');
    await recorder.waitFor('removed /a');
    assert.deepEqual([...recorder.present.keys()], ['/']);
    assert.deepEqual(recorder.lines.slice(-3), ['removed /a/b/c', 'removed /a/b', 'removed /a']);
  });

  it('tells that the kernel reported events of memory of a cgroup', async () => {
    hierarchies = { version: 2, mounts: [{ controllers: ['memory'], path: join(root, 'memory') }] };
    make('/a', ['memory']);
    writeFileSync(join(root, 'memory/a/memory.events'), '');
    const { registry } = await start();
    const { cgroups } = registry;
    const reported = new Promise<void>((resolve) => cgroups.onMemoryEvents(resolve));
    writeFileSync(join(root, 'memory/a/memory.events'), 'oom 1\n');
    await reported;
    assert.equal(cgroups.reportsMemoryEvents, true);
    cgroups.watchesExhausted = true;
    assert.equal(cgroups.reportsMemoryEvents, false);
  });

  it('reports controllers that appear and disappear with reopened files, and keeps the container', async () => {
    const { registry, recorder } = await start();
    make('/a', ['cpu']);
    await recorder.waitFor('added /a');
    const container = registry.get('/a')!;
    const { cgroup } = container;
    make('/a', ['memory']);
    await recorder.waitFor('controllers /a');
    assert.equal(registry.get('/a'), container);
    assert.notEqual(container.cgroup, cgroup);
    assert.deepEqual([...container.controllers], ['cpu', 'memory']);
    remove('/a', ['cpu']);
    await until(
      () => container.controllers.size === 1,
      () => 'one controller left',
    );
    assert.ok(!recorder.lines.includes('removed /a'));
    remove('/a', ['memory']);
    await recorder.waitFor('removed /a');
  });

  it('reports a cgroup that was created again under the same name as a new one', async () => {
    make('/a');
    make('/a/child');
    const { registry, recorder } = await start();
    const before = registry.get('/a')!;
    // Made elsewhere and moved in: ext4 would give a new directory the old inode number.
    for (const controller of CONTROLLERS) {
      mkdirSync(join(root, `new-${controller}`));
      rmdirSync(join(root, controller, 'a/child'));
      rmdirSync(join(root, controller, 'a'));
      renameSync(join(root, `new-${controller}`), join(root, controller, 'a'));
    }
    await recorder.waitFor('removed /a');
    assert.deepEqual(recorder.lines.slice(-3), ['removed /a/child', 'removed /a', 'added /a']);
    assert.notEqual(registry.get('/a'), before);
    make('/a/again');
    await recorder.waitFor('added /a/again');
  });

  it('finds a child that appears below a leaf in an unwatched hierarchy', async () => {
    make('/a');
    const { registry, recorder } = await start({ checkIntervalMs: 10 });
    const watched = registry.watchedDirectories().find(({ name }) => name === '/a');
    assert.deepEqual(watched?.directories, [join(root, 'memory/a')], 'a leaf is watched once');
    make('/a/b', ['cpu']);
    await recorder.waitFor('added /a/b');
    make('/a/b', ['pids']);
    await recorder.waitFor('controllers /a/b');
    assert.deepEqual([...registry.get('/a/b')!.controllers], ['cpu', 'pids']);
  });

  it('finds missed changes by a rescan', async () => {
    make('/a');
    const deaf: WatchDirectory = () => ({ close() {} });
    const { recorder } = await start({ watchDirectory: deaf, rescanIntervalMs: 20 });
    make('/b');
    await recorder.waitFor('added /b');
    remove('/a');
    make('/c');
    await recorder.waitFor('removed /a', 'added /c');
  });

  it('finds by rescans what is missed in the hierarchies where leaves are not watched', async () => {
    make('/a');
    const deaf: WatchDirectory = () => ({ close() {} });
    const { registry, recorder } = await start({
      watchDirectory: deaf,
      rescanIntervalMs: 20,
      checkIntervalMs: 1_000_000,
    });
    for (const controller of ['cpu', 'pids'] as const) {
      remove('/a', [controller]);
      await until(
        () => registry.get('/a')?.controllers.has(controller) === false,
        () => recorder.lines.join('\n'),
      );
    }
    make('/a/b', ['memory']);
    await recorder.waitFor('added /a/b');
    remove('/a/b', ['memory']);
    remove('/a', ['memory']);
    await recorder.waitFor('removed /a/b', 'removed /a');
  });

  it('examines a name at once on request', async () => {
    const deaf: WatchDirectory = () => ({ close() {} });
    const { registry, recorder } = await start({ watchDirectory: deaf });
    make('/x');
    make('/x/y');
    registry.recheck('/x/y');
    await recorder.waitFor('added /x', 'added /x/y');
    remove('/x/y');
    registry.recheck('/x/y');
    await recorder.waitFor('removed /x/y');
  });

  it('sweeps when watches run out, logs it once, and recovers', async () => {
    make('/a');
    let allowed = 1;
    const limited: WatchDirectory = (path, ...rest) => {
      if (allowed-- <= 0) throw Object.assign(new Error(`ENOSPC: no space left, watch '${path}'`), { code: 'ENOSPC' });
      return watchByInotify(path, ...rest);
    };
    const { registry, recorder, logger } = await start({ watchDirectory: limited, checkIntervalMs: 10 });
    make('/b');
    await recorder.waitFor('added /b');
    make('/b/c', ['pids']);
    await recorder.waitFor('added /b/c');
    remove('/a');
    await recorder.waitFor('removed /a');
    const warnings = logger.lines.filter((line) => line.startsWith('warn'));
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, /fs\.inotify\.max_user_watches.*sysctl -w fs\.inotify\.max_user_watches=/);
    allowed = Number.POSITIVE_INFINITY;
    await until(
      () => logger.lines.some((line) => line.startsWith('info all cgroup directories are watched again')),
      () => logger.lines.join('\n'),
    );
    assert.equal(registry.watchedDirectories().find(({ name }) => name === '/b')?.directories.length, 3);
    assert.equal(logger.lines.filter((line) => line.startsWith('warn')).length, 1);
  });

  it('detects controllers that a v2 parent enables', async () => {
    const path = join(root, 'unified');
    const enable = (name: string, controllers: string) =>
      writeFileSync(join(path, name, 'cgroup.controllers'), controllers);
    mkdirSync(join(path, 'a'), { recursive: true });
    enable('.', 'cpu io memory\n');
    enable('a', 'cpu\n');
    writeFileSync(join(path, 'cgroup.subtree_control'), 'cpu\n');
    hierarchies = { version: 2, mounts: [{ controllers: ['cpu', 'cpuacct', 'memory', 'blkio'], path }] };
    const { registry, recorder } = await start();
    assert.deepEqual([...registry.get('/a')!.controllers], ['cpu', 'cpuacct']);
    enable('a', 'cpu io\n');
    writeFileSync(join(path, 'cgroup.subtree_control'), 'cpu io\n');
    await recorder.waitFor('controllers /a');
    assert.deepEqual([...registry.get('/a')!.controllers], ['cpu', 'cpuacct', 'blkio']);
    assert.deepEqual(
      registry.get('/a')!.missing.map(({ what }) => what),
      ['memory'],
    );
  });

  it('reports nothing after stop, and leaves nothing open', async () => {
    make('/a');
    const open = () => process.getActiveResourcesInfo().filter((name) => name === 'FSEventWrap').length;
    const { registry, recorder } = await start();
    registry.recheck('/a');
    registry.stop();
    const reported = recorder.lines.length;
    make('/b');
    registry.recheck('/b');
    registry.handlersChanged();
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(recorder.lines.length, reported);
    assert.deepEqual(registry.watchedDirectories(), []);
    assert.equal(open(), 0);
  });
});
