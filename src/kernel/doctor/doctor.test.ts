import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { loggerTo, SILENT } from '../../../test/support/loggers.js';
import { HostTree } from '../../../test/support/tree.js';
import type { ContainerHandler, Finding, SinkStatus } from '../contracts/index.js';
import { detectHierarchies } from '../linux/index.js';
import type { ActivePlugins } from '../supervision/index.js';
import { ClockWatch, descriptorFinding, sinkFindings, watchFinding } from './agent-checks.js';
import { Doctor } from './doctor.js';
import {
  controllerFindings,
  type HostFacts,
  kernelLogFinding,
  mountFindings,
  pressureFinding,
  procFinding,
} from './host-checks.js';

/** `/proc/cgroups` of a v2 host; `memory` as given. */
const cgroups = (memory: 0 | 1) =>
  [
    '#subsys_name\thierarchy\tnum_cgroups\tenabled',
    'cpuset\t0\t9\t1',
    'cpu\t0\t9\t1',
    'cpuacct\t0\t9\t1',
    'blkio\t0\t9\t1',
  ]
    .concat(`memory\t0\t9\t${memory}`, 'hugetlb\t0\t9\t1', 'pids\t0\t9\t1', '')
    .join('\n');
const HEALTHY = {
  '/proc/1/stat': '1 (systemd) S 0 1',
  '/proc/pressure/cpu': 'some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n',
  '/proc/cgroups': cgroups(1),
  '/proc/sys/fs/inotify/max_user_watches': '1000\n',
  '/proc/sys/fs/inotify/max_user_instances': '128\n',
  '/dev/kmsg': '',
  '/sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io memory hugetlb pids\n',
  '/sys/fs/cgroup/cgroup.subtree_control': 'cpuset cpu io memory hugetlb pids\n',
};

const INITIAL_NAMESPACES = {
  '/own/proc/self/ns/pid': '-> pid:[4026531836]',
  '/own/proc/self/ns/cgroup': '-> cgroup:[4026531835]',
};
const OWN_NAMESPACES = {
  '/own/proc/self/ns/pid': '-> pid:[4026532710]',
  '/own/proc/self/ns/cgroup': '-> cgroup:[4026532712]',
};
const rootMount = (type: string, path = '/') =>
  `27 1 254:0 ${path} / rw,relatime shared:1 - ${type} /dev/vda rw\n28 27 0:21 / /proc rw - proc proc rw\n`;
/** What the agent sees of its own surroundings in a container of Docker. */
const IN_DOCKER = {
  '/own/.dockerenv': '',
  '/own/proc/self/mountinfo': rootMount('overlay'),
  '/own/proc/1/comm': 'node\n',
  ...OWN_NAMESPACES,
};

let tree: HostTree;
beforeEach(() => {
  tree = new HostTree();
});
afterEach(() => tree.remove());

function facts(files: Record<string, string | null> = {}): HostFacts {
  const all = Object.entries({ ...HEALTHY, ...files }).filter(([, content]) => content !== null);
  tree.add(Object.fromEntries(all));
  return { paths: tree.paths, hierarchies: detectHierarchies(tree.paths), ownRoot: join(tree.root, 'own') };
}

const CHECKS = [controllerFindings, pressureFinding, procFinding, kernelLogFinding, mountFindings];
const ids = (findings: readonly Finding[]) => findings.map(({ id, severity }) => `${severity} ${id}`);

describe('checks of the host', () => {
  it('find nothing on a healthy host', () => {
    const host = facts();
    assert.deepEqual(
      CHECKS.flatMap((check) => check(host) ?? []),
      [],
    );
  });

  it('report a disabled memory controller as an error, with the boot parameter', () => {
    const found = controllerFindings(
      facts({ '/proc/cgroups': cgroups(0), '/sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io hugetlb pids\n' }),
    );
    assert.deepEqual(ids(found), ['error controller-memory']);
    assert.match(found[0]!.what, /switched off/);
    assert.match(found[0]!.mend, /^add cgroup_enable=memory to GRUB_CMDLINE_LINUX .*update-grub && reboot/);
  });

  it('report a rare missing controller as information, and a host without cgroups as an error', () => {
    const rare = controllerFindings(facts({ '/sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io memory pids\n' }));
    assert.deepEqual(ids(rare), ['info controller-hugetlb']);
    const none = {
      ...facts(),
      hierarchies: {
        version: 2 as const,
        mounts: [],
        missing: [{ what: 'cgroups', reason: 'none', severity: 'error' as const }],
      },
    };
    assert.deepEqual(ids(controllerFindings(none)), ['error controller-cgroups']);
  });

  it('give the mount command of a v1 controller that is not mounted', () => {
    const reason = 'not mounted: mount -t cgroup -o blkio blkio /sys/fs/cgroup/blkio';
    const host = {
      ...facts(),
      hierarchies: {
        version: 1 as const,
        mounts: [],
        missing: [{ what: 'blkio controller', reason, severity: 'warning' as const }],
      },
    };
    const [found] = controllerFindings(host);
    assert.deepEqual(
      [found!.severity, found!.mend],
      ['warning', 'mount -t cgroup -o blkio blkio /sys/fs/cgroup/blkio'],
    );
  });

  it('report that pressure is not measured', () => {
    const found = pressureFinding(facts({ '/proc/pressure/cpu': null }));
    assert.deepEqual([found!.id, found!.severity], ['psi', 'info']);
    assert.match(found!.mend, /psi=1/);
  });

  it('report processes hidden by hidepid or by the pid namespace', () => {
    const mountinfo = '25 30 0:23 / /proc rw,nosuid - proc proc rw,hidepid=2\n';
    const hidden = procFinding(facts({ '/proc/1/stat': null, '/proc/self/mountinfo': mountinfo }));
    assert.deepEqual([hidden!.id, hidden!.severity], ['proc-hidden', 'error']);
    assert.match(hidden!.mend, /^mount -o remount,hidepid=0 \/proc/);
    tree.remove();
    tree = new HostTree();
    const plain = '25 30 0:23 / /proc rw,nosuid - proc proc rw,hidepid=off\n';
    const missing = procFinding(facts({ '/proc/1/stat': null, '/proc/self/mountinfo': plain }));
    assert.match(missing!.mend, /--pid=host/);
  });

  it('report a kernel log that is missing or not readable', () => {
    const missing = kernelLogFinding(facts({ '/dev/kmsg': null }));
    assert.deepEqual([missing!.id, missing!.severity, missing!.mend], ['kernel-log', 'info', 'mknod /dev/kmsg c 1 11']);
    assert.match(missing!.effect, /their events name no process/);
    const contained = kernelLogFinding(facts({ '/dev/kmsg': null, ...IN_DOCKER }));
    assert.equal(contained!.mend, 'docker run --cap-add=SYSLOG --device=/dev/kmsg:/dev/kmsg:r …');
  });

  it('report mounts that an agent in a container lacks', () => {
    const host = facts({ ...IN_DOCKER, '/sys/fs/cgroup/cgroup.type': 'domain\n' });
    const alone = { ...host, paths: { ...host.paths, root: '/' } };
    assert.deepEqual(ids(mountFindings(alone)), ['error host-not-mounted', 'error cgroup-namespace']);
    assert.deepEqual(ids(mountFindings(host)), ['error cgroup-namespace']);
    assert.match(mountFindings(alone)[0]!.mend, /--volume=\/:\/rootfs:ro/);
  });
});

describe('detection of a container around the agent', () => {
  const isToldSo = (own: Record<string, string>) => {
    const host = facts(own);
    return ids(mountFindings({ ...host, paths: { ...host.paths, root: '/' } })).includes('error host-not-mounted');
  };
  const systemd = { '/own/proc/1/comm': 'systemd\n' };

  for (const [place, own] of Object.entries({
    'Docker on cgroup v1, which gives no cgroup namespace': {
      ...IN_DOCKER,
      '/own/proc/self/ns/cgroup': '-> cgroup:[4026531835]',
    },
    'Docker with the namespaces of the host': { ...IN_DOCKER, ...INITIAL_NAMESPACES, ...systemd },
    'Docker with the storage driver vfs': {
      ...IN_DOCKER,
      '/own/proc/self/mountinfo': rootMount('ext4', '/var/lib/docker/vfs/dir/0c1d'),
    },
    Podman: {
      ...OWN_NAMESPACES,
      '/own/run/.containerenv': '',
      '/own/proc/self/mountinfo': rootMount('fuse.fuse-overlayfs'),
    },
    'a pod of Kubernetes, which has no marker file': {
      ...OWN_NAMESPACES,
      '/own/proc/self/mountinfo': rootMount('overlay'),
    },
  })) {
    it(`detects ${place}`, () => assert.ok(isToldSo(own)));
  }

  for (const [place, own] of Object.entries({
    'a virtual machine made from an image, with /.dockerenv left over': {
      ...INITIAL_NAMESPACES,
      '/own/.dockerenv': '',
      '/own/proc/self/mountinfo': rootMount('ext4'),
      '/own/proc/1/comm': 'firecracker-init\n',
    },
    'such a machine with an overlay for its root': {
      ...INITIAL_NAMESPACES,
      '/own/.dockerenv': '',
      '/own/proc/self/mountinfo': rootMount('overlay'),
      '/own/proc/1/root': '-> ../..',
    },
    'a live system, whose root is an overlay': {
      ...INITIAL_NAMESPACES,
      ...systemd,
      '/own/proc/self/mountinfo': rootMount('overlay'),
    },
    'a WSL distribution imported from an image, in a pid namespace of its own': {
      '/own/.dockerenv': '',
      '/own/proc/self/ns/pid': '-> pid:[4026532710]',
      '/own/proc/self/ns/cgroup': '-> cgroup:[4026531835]',
      '/own/proc/self/mountinfo': rootMount('ext4'),
      ...systemd,
    },
    'a system container with an init system of its own': {
      ...OWN_NAMESPACES,
      ...systemd,
      '/own/proc/self/mountinfo': rootMount('ext4', '/var/lib/machines/web'),
    },
    'a place of which nothing is known': {},
  })) {
    it(`does not detect ${place}`, () => assert.ok(!isToldSo(own)));
  }
});

describe('checks of the agent', () => {
  it('report inotify watches that are used up or nearly so', () => {
    const { paths } = facts();
    assert.equal(watchFinding(paths, { watchCount: 800, watchesExhausted: false }), undefined);
    assert.deepEqual(ids([watchFinding(paths, { watchCount: 801, watchesExhausted: false })!]), ['info inotify']);
    const used = watchFinding(paths, { watchCount: 1000, watchesExhausted: true });
    assert.equal(used!.severity, 'warning');
    assert.match(used!.mend, /^sysctl -w fs\.inotify\.max_user_watches=524288 && echo /);
    const instances = watchFinding(paths, { watchCount: 0, watchesExhausted: true });
    assert.match(instances!.mend, /max_user_instances=1024/);
  });

  it('report files that are opened for each read', () => {
    assert.equal(descriptorFinding({ kept: 10, limit: 768, reopened: 0 }), undefined);
    const found = descriptorFinding({ kept: 768, limit: 768, reopened: 1000 });
    assert.match(found!.mend, /^LimitNOFILE=4096 /);
  });

  it('report a clock jump for an hour', () => {
    const time = { now: 1e15, monotonic: 0 };
    const watch = new ClockWatch({ now: () => time.now, monotonic: () => time.monotonic });
    const pass = (ms: number, drift = 0) => {
      time.monotonic += ms;
      time.now += (ms + drift) * 1000;
      watch.check();
      return watch.finding();
    };
    assert.equal(pass(10_000, 900), undefined);
    assert.match(pass(10_000, 60_000)!.what, /jumped 60 s forward/);
    assert.match(pass(10_000, -3_000)!.what, /jumped 3 s back/);
    assert.ok(pass(3_000_000));
    assert.equal(pass(700_000), undefined);
  });
});

describe('checks of sinks', () => {
  const found = (status: Partial<SinkStatus>) => {
    const counts = { batches: 1, points: 10, bytes: 100, maxBytes: 200, oldest: 10_000_000 };
    const delivery = () => ({ queue: counts, dropped: {}, ...status }) as SinkStatus;
    return sinkFindings({ of: () => [{ record: { id: 'sink', delivery } }] as never }, 300_000_000);
  };

  it('report sinks that cannot deliver, and whether data is lost', () => {
    assert.deepEqual(found({}), []);
    const [late] = found({ failure: 'no route' });
    assert.deepEqual([late!.id, late!.severity, late!.mend], ['sink-failing', 'warning', 'tallyman sink test sink']);
    assert.match(late!.effect, /10 data points wait, the oldest for 290 s \(100 of 200 bytes\)/);
    const [full] = found({ failure: 'no route', dropped: { queue_full: 1 } });
    assert.equal(full!.severity, 'error');
  });

  it('report sinks that deliver too slowly, with the duration of a request', () => {
    const queue = { batches: 10, points: 10, bytes: 100, maxBytes: 200, oldest: 10_000_000 };
    const [behind, ...others] = found({ queue, attempts: 4, attemptMs: 8_000 });
    assert.deepEqual([behind!.id, others], ['sink-behind', []]);
    assert.match(behind!.what, /a request takes 2000 ms/);
    assert.deepEqual(found({ queue: { ...queue, oldest: 290_000_000 }, attempts: 4, attemptMs: 8_000 }), []);
  });

  it('report sinks that dropped data points or cannot store them on disk', () => {
    const queue = { batches: 0, points: 0, bytes: 0, maxBytes: 1, directory: '/q', diskError: 'full' };
    const [dropped, disk] = found({ dropped: { refused: 3, queue_full: 0, too_old: 2 }, queue });
    assert.deepEqual([dropped!.id, disk!.id], ['sink-dropped', 'sink-disk']);
    assert.match(dropped!.what, /: 3 refused, 2 too old$/);
  });
});

/** The running container handlers. */
const handlers = (...instances: Partial<ContainerHandler>[]): Pick<ActivePlugins, 'of'> => ({
  of: (kind) => (kind === 'container-handler' ? instances.map((instance) => ({ instance })) : []) as never,
});

it('the doctor logs findings that nothing else logs, once when they appear and once when they are resolved', async () => {
  const lines: string[] = [];
  const descriptors = { kept: 1, limit: 1, reopened: 0 };
  const doctor = new Doctor({
    ...facts({ '/proc/pressure/cpu': null }),
    clock: { now: () => 0, monotonic: () => 0 },
    logger: loggerTo(lines),
    descriptors: () => descriptors,
    log: () => ({ lost: 0, leftOut: 0 }),
    cgroups: { watchCount: 0, watchesExhausted: false },
    plugins: handlers(),
    containers: { all: () => [] },
    budget: { findings: () => [] },
  });
  for (const reopened of [0, 5, 6, 0, 0]) {
    descriptors.reopened = reopened;
    await doctor.examine();
  }
  assert.equal(lines.length, 2, lines.join());
  assert.match(
    lines[0]!,
    /^5 cgroup files are opened anew for each read, .* A sample costs about twice the CPU time\.$/,
  );
  assert.match(lines[1]!, /^no longer the case: 6 cgroup files/);
});

it('the doctor does not advise a higher limit of open files where the budget is what limits them', async () => {
  const budgetFinding = { id: 'budget-descriptors', severity: 'warning', what: '', effect: '', mend: '' } as const;
  const doctor = new Doctor({
    ...facts({ '/proc/pressure/cpu': null }),
    clock: { now: () => 0, monotonic: () => 0 },
    logger: SILENT,
    descriptors: () => ({ kept: 1, limit: 1, reopened: 5 }),
    log: () => ({ lost: 0, leftOut: 0 }),
    cgroups: { watchCount: 0, watchesExhausted: false },
    plugins: handlers(),
    containers: { all: () => [] },
    budget: { findings: () => [budgetFinding] },
  });
  const found = (await doctor.examine()).map(({ id }) => id);
  assert.ok(found.includes('budget-descriptors'));
  assert.ok(!found.includes('descriptors'));
});

it('the doctor lists the most severe findings first, and a failing check does not hide others', async () => {
  const doctor = new Doctor({
    ...facts({ '/proc/pressure/cpu': null, '/proc/1/stat': null }),
    clock: { now: () => 0, monotonic: () => 0 },
    logger: SILENT,
    descriptors: () => ({ kept: 1, limit: 1, reopened: 5 }),
    log: () => ({ lost: 0, leftOut: 0 }),
    cgroups: {
      get watchCount(): number {
        throw new Error('nothing is known yet');
      },
      watchesExhausted: false,
    },
    budget: { findings: () => [] },
    plugins: handlers(
      { findings: async () => [{ id: 'b', severity: 'error', what: '', effect: '', mend: '' }] },
      { findings: async () => Promise.reject(new Error('no engine')) },
    ),
    containers: { all: () => [] },
  });
  assert.deepEqual(doctor.findings(), []);
  const found = ids(await doctor.examine());
  assert.deepEqual(found, ['error b', 'error proc-hidden', 'warning descriptors', 'info psi']);
  assert.deepEqual(ids(doctor.findings()), found);
});

it('the doctor checks the clock every ten seconds and everything once a minute', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const time = { now: 1e15, monotonic: 0 };
  const doctor = new Doctor({
    ...facts(),
    clock: { now: () => time.now, monotonic: () => time.monotonic },
    logger: SILENT,
    descriptors: () => ({ kept: 1, limit: 1, reopened: 0 }),
    log: () => ({ lost: 0, leftOut: 0 }),
    cgroups: { watchCount: 0, watchesExhausted: false },
    plugins: handlers(),
    containers: { all: () => [] },
    budget: { findings: () => [] },
  });
  doctor.start();
  const pass = async (ms: number, jump = 0) => {
    time.monotonic += ms;
    time.now += (ms + jump) * 1000;
    t.mock.timers.tick(ms);
    await new Promise((resolve) => setImmediate(resolve));
  };
  for (const jump of [0, -90_000, 0, 0, 0]) await pass(10_000, jump);
  assert.deepEqual(ids(doctor.findings()), []);
  await pass(10_000);
  assert.deepEqual(ids(doctor.findings()), ['warning clock-jump']);
  doctor.stop();
});
