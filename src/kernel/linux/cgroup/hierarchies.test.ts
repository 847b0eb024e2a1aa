import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { HostTree, type TreeFiles } from '../../../../test/support/tree.js';
import { parseCgroups } from '../../contracts/index.js';
import { detectHierarchies } from './hierarchies.js';

const V1_CGROUPS = `#subsys_name\thierarchy\tnum_cgroups\tenabled
cpu\t1\t1\t1
cpuacct\t1\t1\t1
memory\t0\t1\t0
pids\t2\t1\t1
blkio\t0\t1\t1
`;

function detect(files: TreeFiles, mountinfo: (root: string) => string) {
  const tree = new HostTree(files);
  try {
    tree.add({ '/proc/self/mountinfo': mountinfo(tree.root) });
    const found = detectHierarchies(tree.paths);
    const shorten = (path: string) => path.replace(`${tree.root}/sys/fs/cgroup`, '…');
    return {
      ...found,
      mounts: found.mounts.map(({ controllers, path }) => `${controllers.join(',')} ${shorten(path)}`),
      unified: found.unified && shorten(found.unified),
    };
  } finally {
    tree.remove();
  }
}

const mount = (point: string, type: string, options: string, root = '/') =>
  `31 23 0:28 ${root} ${point} rw - ${type} ${type} rw,${options}\n`;

it('detects co-mounted v1 hierarchies with an additional cgroup2 mount', () => {
  const found = detect(
    {
      '/proc/cgroups': V1_CGROUPS,
      '/sys/fs/cgroup/cpu,cpuacct/tasks': '',
      '/sys/fs/cgroup/cpu': '-> cpu,cpuacct',
      '/sys/fs/cgroup/pids/tasks': '',
      '/sys/fs/cgroup/systemd/tasks': '',
      '/sys/fs/cgroup/unified/cgroup.controllers': '',
    },
    (root) =>
      mount(`${root}/sys/fs/cgroup/systemd`, 'cgroup', 'name=systemd') +
      mount(`${root}/sys/fs/cgroup/cpu,cpuacct`, 'cgroup', 'cpu,cpuacct') +
      mount(`${root}/sys/fs/cgroup/pids`, 'cgroup', 'pids') +
      mount(`${root}/sys/fs/cgroup/unified`, 'cgroup2', 'nsdelegate'),
  );
  assert.equal(found.version, 1);
  assert.deepEqual(found.mounts, ['cpu,cpuacct …/cpu,cpuacct', 'pids …/pids']);
  assert.equal(found.unified, '…/unified');
  const reasons = new Map(found.missing.map(({ what, reason }) => [what, reason]));
  assert.match(reasons.get('memory controller')!, /boot with cgroup_enable=memory/);
  assert.match(reasons.get('blkio controller')!, /mount -t cgroup -o blkio/);
  assert.match(reasons.get('hugetlb controller')!, /built without/);
});

it('detects the unified hierarchy and the controllers missing at its root', () => {
  const found = detect({ '/sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io memory pids\n' }, (root) =>
    mount(`${root}/sys/fs/cgroup`, 'cgroup2', 'nsdelegate'),
  );
  assert.equal(found.version, 2);
  assert.deepEqual(found.mounts, ['cpu,cpuacct,cpuset,memory,blkio,pids,perf_event …']);
  assert.equal(found.unified, '…');
  assert.deepEqual(
    found.missing.map(({ what }) => what),
    ['hugetlb controller'],
  );
});

it('finds mounts of another mount namespace below the given root', () => {
  const found = detect({ '/sys/fs/cgroup/cpu/tasks': '', '/sys/fs/cgroup/odd-name/tasks': '' }, () => {
    return mount('/sys/fs/cgroup/cpu', 'cgroup', 'cpu') + mount('/sys/fs/cgroup/odd-name', 'cgroup', 'memory');
  });
  assert.deepEqual(found.mounts, ['cpu …/cpu', 'memory …/odd-name']);
});

it('uses directory names in a copied tree without mounts', () => {
  const files = { '/sys/fs/cgroup/cpu,cpuacct/x': '', '/sys/fs/cgroup/cpuacct': '-> cpu,cpuacct' };
  const v1 = detect({ ...files, '/sys/fs/cgroup/memory/x': '' }, () => mount('/sys/fs/cgroup', 'cgroup2', ''));
  assert.equal(v1.version, 1);
  assert.deepEqual(v1.mounts, ['cpu,cpuacct …/cpu,cpuacct', 'memory …/memory']);
  const v2 = detect({ '/sys/fs/cgroup/cgroup.controllers': 'cpu' }, () => mount('/sys/fs/cgroup/cpu', 'cgroup', 'cpu'));
  assert.equal(v2.version, 2);
});

it("prefers the host's hierarchy to the container's own", () => {
  const found = detect({ '/sys/fs/cgroup/memory/x': '', '/sys/fs/cgroup/host-memory/x': '' }, (root) => {
    const own = mount(`${root}/sys/fs/cgroup/memory`, 'cgroup', 'memory', '/docker/0123');
    return own + mount(`${root}/sys/fs/cgroup/host-memory`, 'cgroup', 'memory');
  });
  assert.deepEqual(found.mounts, ['memory …/host-memory']);
});

it('reports a host without cgroups', () => {
  const found = detect({}, () => '');
  assert.deepEqual(found.mounts, []);
  assert.match(found.missing[0]!.reason, /no cgroup hierarchy below/);
});

it('skips malformed lines of /proc/cgroups', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => parseCgroups(text) instanceof Map));
  assert.deepEqual([...parseCgroups(V1_CGROUPS).keys()], ['cpu', 'cpuacct', 'memory', 'pids', 'blkio']);
});
