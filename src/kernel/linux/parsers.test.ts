import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import fc from 'fast-check';
import { parseDiskstats } from './disks.js';
import { MountTable, trackedFilesystems } from './filesystems.js';
import { resolveHostPaths } from './host-paths.js';
import { parseMountinfo } from './mounts.js';

const NOWHERE = { root: '/', proc: '/proc', sys: '/sys', cgroup: '/sys/fs/cgroup' };

const track = (mountinfo: string, dockerRoot?: string) => {
  const labels = dockerRoot === undefined ? [] : [{ label: 'docker-images', directory: dockerRoot }];
  return trackedFilesystems(parseMountinfo(mountinfo), labels, NOWHERE).map(
    ({ device, mountpoint, labels }) => `${device} ${mountpoint} [${labels.join(' ')}]`,
  );
};

it('parses mountinfo, decodes escapes and skips malformed lines', () => {
  const text = `22 27 0:21 / /a\\040b rw,relatime shared:1 master:2 - ext4 /dev/v\\134da rw,x=1\nnonsense\n\n1 2 x / / - a b\n`;
  assert.deepEqual(parseMountinfo(text), [
    {
      major: 0,
      minor: 21,
      root: '/',
      mountpoint: '/a b',
      type: 'ext4',
      source: '/dev/v\\da',
      superOptions: ['rw', 'x=1'],
    },
  ]);
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (odd) => Array.isArray(parseMountinfo(odd))));
  const words = fc.array(fc.constantFrom('-', '1:2', '/', '\\040', 'x', ' ', '\n'), { maxLength: 40 });
  fc.assert(fc.property(words, (odd) => Array.isArray(parseMountinfo(odd.join(' ')))));
});

const HOST = `1 0 254:1 / / rw - ext4 /dev/vda1 rw
2 1 0:21 / /proc rw - proc proc rw
3 1 0:22 / /run rw - tmpfs tmpfs rw
4 1 254:1 /srv /bind rw - ext4 /dev/vda1 rw
5 1 254:16 / /var/lib/docker rw - xfs /dev/vdb rw
6 1 0:39 / /var/lib/docker/overlay2/abc/merged rw - overlay overlay rw
7 1 0:4 net:[1] /run/docker/netns/x rw - nsfs nsfs rw
`;

it('tracks one filesystem per device at its first mount, without bind mounts, proc and namespaces', () => {
  assert.deepEqual(track(HOST), [
    '/dev/vda1 / [root]',
    '/run /run []',
    '/dev/vdb /var/lib/docker []',
    'overlay_0-39 /var/lib/docker/overlay2/abc/merged []',
  ]);
});

it('uses the mounts of PID 1 when it has the same root', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tallyman-test-mounts-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const mountpoints = (own: string, first: string | undefined, root = '/') => {
    for (const [pid, text] of Object.entries({ self: own, 1: first })) {
      rmSync(join(folder, pid), { recursive: true, force: true });
      if (text === undefined) continue;
      mkdirSync(join(folder, pid));
      writeFileSync(join(folder, pid, 'mountinfo'), text);
    }
    const table = new MountTable({ ...NOWHERE, root, proc: folder }, () => 0);
    table.read();
    return table.mounts.map(({ mountpoint }) => mountpoint);
  };
  const all = ['/', '/proc', '/run', '/bind', '/var/lib/docker'];
  const sandboxed = `${HOST}9 1 0:50 / /dev rw - tmpfs tmpfs rw\n`;
  assert.deepEqual(mountpoints(sandboxed, HOST).slice(0, 5), all);
  assert.ok(!mountpoints(sandboxed, HOST).includes('/dev'));
  assert.ok(mountpoints(sandboxed, undefined).includes('/dev'));
  const container = '1 0 0:60 / / rw - overlay overlay rw\n';
  assert.deepEqual(mountpoints(container, HOST), ['/']);
  assert.deepEqual(mountpoints(container, HOST, '/rootfs').slice(0, 5), all);
});

it('reads mounts again a minute after it read them, and tells whether there are others', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tallyman-test-mounts-'));
  t.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'self'));
  const write = (text: string) => writeFileSync(join(folder, 'self/mountinfo'), text);
  let now = 0;
  const table = new MountTable({ ...NOWHERE, proc: folder }, () => now);
  write(HOST);
  assert.equal(table.readIfOld(), false);
  assert.equal(table.read(), true);
  const known = table.mounts;
  write(`${HOST}9 1 254:48 / /new rw - ext4 /dev/vdd rw\n`);
  now = 59_000;
  assert.equal(table.readIfOld(), false);
  now = 60_000;
  assert.equal(table.readIfOld(), true);
  assert.deepEqual(
    table.mounts.slice(known.length).map(({ mountpoint }) => mountpoint),
    ['/new'],
  );
  now = 120_000;
  assert.equal(table.readIfOld(), false);
});

it("labels the filesystem with the longest mount point at, above or directly below the runtime's root", () => {
  assert.ok(track(HOST, '/var/lib/docker').includes('/dev/vdb /var/lib/docker [docker-images]'));
  assert.ok(track(HOST, '/var/lib/other').includes('/dev/vda1 / [docker-images root]'));
  assert.ok(track(HOST, '/bind/docker').includes('/dev/vda1 / [docker-images root]'));
  const driver = `${HOST}8 1 254:32 / /var/lib/docker/overlay2 rw - ext4 /dev/vdc rw\n`;
  assert.ok(track(driver, '/var/lib/docker').includes('/dev/vdc /var/lib/docker/overlay2 [docker-images]'));
  const mapper = `${HOST}8 1 254:32 / /var/lib/docker/devicemapper/mnt/a rw - ext4 /dev/dm-1 rw\n`;
  assert.deepEqual(
    track(mapper, '/var/lib/docker').filter((line) => line.includes('dm-1')),
    [],
  );
});

it('ignores a mount that is covered by another one', () => {
  const covered = '1 0 8:1 / /data rw - ext4 /dev/sda1 rw\n2 0 8:2 / /data rw - xfs /dev/sdb1 rw\n';
  assert.deepEqual(track(covered), ['/dev/sdb1 /data []']);
});

it('identifies disks of diskstats by device number, whatever the name', () => {
  const disks = parseDiskstats(' 259 0 nvme0n1 1 2 3 4 5 6 7 8 9 10 11 12 13\n 8 0 sda 1 2\n x y z\n');
  assert.deepEqual([...disks.keys()], ['259:0']);
  assert.deepEqual(Object.values(disks.get('259:0')!), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (odd) => parseDiskstats(odd) instanceof Map));
});

it('finds the host at / or, inside a container, at /rootfs', () => {
  const at = (...there: string[]) => {
    return (path: unknown) => there.includes(String(path));
  };
  assert.deepEqual(resolveHostPaths({}, at()), NOWHERE);
  assert.deepEqual(resolveHostPaths({}, at('/rootfs/proc/self', '/rootfs/sys/class')), {
    root: '/rootfs',
    proc: '/rootfs/proc',
    sys: '/rootfs/sys',
    cgroup: '/rootfs/sys/fs/cgroup',
  });
  assert.equal(resolveHostPaths({}, at('/rootfs/proc/self')).cgroup, '/sys/fs/cgroup');
  assert.deepEqual(resolveHostPaths({ root: '/h', cgroup: '/cg' }, at()), {
    root: '/h',
    proc: '/h/proc',
    sys: '/h/sys',
    cgroup: '/cg',
  });
});
