import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ContainerRoot } from './container-root.js';

describe('ContainerRoot', () => {
  const base = mkdtempSync(join(tmpdir(), 'tallyman-root-'));
  const inside = (path: string): string => join(base, 'rootfs', path);
  let root: ContainerRoot;
  const read = async (path: string): Promise<string> => (await root.readFile(path, 100)).toString();

  before(async () => {
    for (const path of ['proc/7', 'rootfs/etc/conf', 'rootfs/run', 'rootfs/var'])
      mkdirSync(join(base, path), { recursive: true });
    symlinkSync(join(base, 'rootfs'), join(base, 'proc/7/root'));
    writeFileSync(join(base, 'secret'), 'of the host');
    writeFileSync(inside('etc/conf/a.json'), 'inside');
    writeFileSync(inside('large'), 'x'.repeat(101));
    symlinkSync('/run', inside('var/run'));
    symlinkSync('/etc/conf/a.json', inside('run/absolute'));
    symlinkSync('../etc/./conf//a.json', inside('run/relative'));
    symlinkSync('../../../../../../../../../etc/conf/a.json', inside('run/above'));
    symlinkSync(join(base, 'secret'), inside('run/host'));
    symlinkSync('../secret', inside('escape'));
    symlinkSync('/loop', inside('loop'));
    linkSync(inside('etc/conf/a.json'), inside('hard'));
    execFileSync('/usr/bin/mkfifo', [inside('fifo')]);
    root = await ContainerRoot.open(join(base, 'proc'), 7, () => true, false);
  });
  after(async () => {
    await root.close();
    rmSync(base, { recursive: true });
  });

  it('follows links inside the root', async () => {
    for (const path of [
      '/etc/conf/a.json',
      'etc/conf/a.json',
      '/run/absolute',
      '/var/run/relative',
      '/run/above',
      '/hard',
      '/../etc/conf/a.json',
    ]) {
      assert.equal(await read(path), 'inside', path);
    }
  });

  it('never leaves the root', async () => {
    for (const path of ['/run/host', '/escape', '/../secret', join(base, 'secret')]) {
      await assert.rejects(read(path), /in the container: no such file/, path);
    }
  });

  it('rejects special files without opening them, and oversized files', async () => {
    await assert.rejects(read('/etc'), /is a directory/);
    await assert.rejects(read('/etc/conf/a.json/x'), /a\.json is not a directory/);
    await assert.rejects(read('/fifo'), /is not a regular file/);
    await assert.rejects(read('/loop'), /too many links/);
    await assert.rejects(read('/large'), /larger than 100 bytes/);
    await assert.rejects(read('/a\0b'), /CollectionError|null bytes/);
  });

  it('fails for a process that has ended or does not exist', async () => {
    await assert.rejects(
      ContainerRoot.open(join(base, 'proc'), 7, () => false, false),
      /its process ended/,
    );
    await assert.rejects(
      ContainerRoot.open(join(base, 'proc'), 8, () => true, false),
      /cannot be opened/,
    );
  });

  it('rejects the host’s root for a container of a runtime', async () => {
    await assert.rejects(
      ContainerRoot.open('/proc', process.pid, () => true, false),
      /is the host’s/,
    );
    await (await ContainerRoot.open('/proc', process.pid, () => true, true)).close();
  });
});
