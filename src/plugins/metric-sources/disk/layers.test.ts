import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { linkSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { until } from '../../../../test/support/discovery.js';
import { pluginContext } from '../../../../test/support/handler-bench.js';
import { absent, attached, FileTree, RAW, sampleOf } from '../../../../test/support/probes.js';
import { TestHost } from '../../../../test/support/test-host.js';
import type { ContainerStorage } from '../../../kernel/contracts/index.js';
import disk, { createDiskSource } from './index.js';
import { deviceNumbers } from './layer-usage.js';
import { measureSmallTree, measureTree } from './tree-size.js';

function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'tallyman-test-layer-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

/** A layer with what is easily counted wrong. */
function fill(root: string): void {
  mkdirSync(join(root, 'a/b'), { recursive: true });
  writeFileSync(join(root, 'a/file'), Buffer.alloc(300_000, 1));
  linkSync(join(root, 'a/file'), join(root, 'a/b/link'));
  writeFileSync(join(root, 'sparse'), 'x');
  truncateSync(join(root, 'sparse'), 1 << 30);
  symlinkSync('/usr', join(root, 'elsewhere'));
}

const diskUsage = (path: string) =>
  Number(execFileSync('du', ['-sx', '-B1', path], { encoding: 'utf8' }).split('\t')[0]);

it('measures a tree like du: allocated blocks, hard links once, symbolic links not followed', (t) => {
  const root = directory(t);
  fill(root);
  const size = measureTree(root, () => {});
  assert.equal(size.bytes, diskUsage(root));
  assert.equal(size.inodes, 6);
  assert.equal(size.device, lstatSync(root).dev);
  assert.equal(size.unreadable, 0);
});

it('throws for a missing tree', () => {
  assert.throws(() => measureTree('/nonexistent', () => {}), { code: 'ENOENT' });
});

it('measures only small readable trees synchronously', (t) => {
  const root = directory(t);
  fill(root);
  assert.deepEqual(
    measureSmallTree(root, 6),
    measureTree(root, () => {}),
  );
  assert.equal(measureSmallTree(root, 5), undefined);
  assert.equal(measureSmallTree('/nonexistent', 6), undefined);
});

it('decodes device numbers as the kernel encodes them', () => {
  assert.equal(deviceNumbers(0xfe00), '254:0');
  fc.assert(
    fc.property(fc.nat(0xfff), fc.nat(0xfffff), (major, minor) => {
      const device = (minor & 0xff) + major * 0x100 + (minor >> 8) * 0x100000;
      assert.equal(deviceNumbers(device), `${major}:${minor}`);
    }),
  );
});

function setUp(t: TestContext, options: Record<string, unknown> = {}) {
  const context = pluginContext();
  const tree = new FileTree(1);
  const host = new TestHost('/');
  host.tracked = [{ device: '/dev/sda1', mountpoint: '/', major: 8, minor: 1, type: 'vfs', labels: [] }];
  host.usage.set('/', { capacity: 1000, free: 300, available: 250, inodes: 50, inodesFree: 40 });
  const source = disk.create({ ...context, linux: host }, disk.configSchema.parse(options));
  t.after(async () => {
    context.dispose();
    await source.stop!();
    tree.remove();
  });
  const target = (storage?: ContainerStorage) =>
    tree.target('/docker/a', storage === undefined ? RAW : { ...RAW, storage });
  return { context, host, source, target };
}

it('has the size of a new layer in the first sample, and only the filesystem of an older one', (t) => {
  const { source, target } = setUp(t);
  const [layer, logs] = [directory(t), directory(t)];
  fill(layer);
  writeFileSync(join(logs, 'log'), 'x');
  const first = (storage: ContainerStorage) => {
    const probe = attached(source, target(storage));
    t.after(() => probe.close());
    return { fields: probe.columns.map(({ field }) => field.name), values: Object.values(sampleOf(probe)!) };
  };
  const young = first({ writableLayer: layer, ownDirectory: logs });
  assert.ok(young.values.includes(diskUsage(layer)) && young.values.includes(diskUsage(layer) + diskUsage(logs)));
  for (let i = 0; i < 250; i++) writeFileSync(join(layer, `${i}`), '');
  const large = first({ writableLayer: layer, ownDirectory: `${logs}/.` });
  assert.deepEqual(large.fields, young.fields);
  assert.deepEqual(large.values, []);
  assert.deepEqual(first({ writableLayer: '/nonexistent' }).fields, []);
});

it('adds the logs to the usage of the layer', async (t) => {
  const { host, source, target } = setUp(t);
  const layer = directory(t);
  const logs = directory(t);
  fill(layer);
  writeFileSync(join(logs, 'json.log'), Buffer.alloc(50_000, 1));
  const [major, minor] = deviceNumbers(lstatSync(layer).dev).split(':').map(Number);
  host.tracked = [{ ...host.tracked[0]!, major: major!, minor: minor! }];
  const probe = attached(source, target({ writableLayer: layer, ownDirectory: logs }));
  writeFileSync(join(logs, 'json.log'), Buffer.alloc(90_000, 1));
  await until(
    () => sampleOf(probe)!['filesystem.usage{/dev/sda1}'] === diskUsage(layer) + diskUsage(logs),
    () => 'not measured again',
  );
  assert.deepEqual(sampleOf(probe), {
    'filesystem.capacity{/dev/sda1}': 1000,
    'filesystem.usage{/dev/sda1}': diskUsage(layer) + diskUsage(logs),
    'filesystem.base_usage{/dev/sda1}': diskUsage(layer),
    'filesystem.inodes{/dev/sda1}': 6,
  });
  assert.deepEqual(probe.columns[0]!.attributes, { type: 'vfs' });
  probe.close();
  const again = attached(source, target({ writableLayer: layer, ownDirectory: logs }));
  assert.equal(Object.keys(sampleOf(again)!).length, 4, 'what was measured is still known after a short absence');
});

it('reports growth at the next measurement', async (t) => {
  const { source, target } = setUp(t, { interval: '10ms' });
  const layer = directory(t);
  const probe = attached(source, target({ writableLayer: layer }));
  const usage = () => Object.entries(sampleOf(probe)!).find(([name]) => name.startsWith('filesystem.base_usage'))?.[1];
  await until(
    () => usage() === diskUsage(layer),
    () => String(usage()),
  );
  writeFileSync(join(layer, 'more'), Buffer.alloc(100_000, 1));
  await until(
    () => usage() === diskUsage(layer),
    () => String(usage()),
  );
});

it('logs a layer that cannot be measured once', async (t) => {
  const { context, source, target } = setUp(t, { interval: '5ms', longestInterval: '5ms' });
  const file = join(directory(t), 'file');
  writeFileSync(file, '');
  attached(source, target({ writableLayer: join(file, 'layer') }));
  await until(
    () => context.log.length > 0,
    () => 'nothing said',
  );
  const layer = directory(t);
  const probe = attached(source, target({ writableLayer: layer }));
  await until(
    () => Object.keys(sampleOf(probe)!).length > 0,
    () => 'no usage',
  );
  assert.equal(context.log.length, 1);
  assert.match(context.log[0]!.message, /is not measured fully: ENOTDIR/);
});

it('gives a reason without a known layer, expected for containers without storage', (t) => {
  const { host, source, target } = setUp(t);
  assert.deepEqual(absent(source, target({ reason: 'driver zfs' })), { absent: 'driver zfs' });
  assert.equal(absent(source, target()).expected, true);
  const off = createDiskSource(host, undefined);
  assert.equal(absent(off, target({ writableLayer: '/tmp' })).expected, true);
});
