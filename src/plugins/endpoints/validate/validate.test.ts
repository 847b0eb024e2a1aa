import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import fc from 'fast-check';
import { CHECKS } from './checks.js';
import { type Facts, parseMounts } from './facts.js';
import { reportText } from './index.js';

const CGROUPS = 'cpuset cpu cpuacct blkio memory devices freezer net_cls perf_event net_prio hugetlb pids';

/** The host on which validate.txt was recorded. */
const RECORDED: Facts = {
  agentVersion: '0.36.0',
  osVersion: 'Debian GNU/Linux 12 (bookworm)',
  kernelVersion: '6.18.44-fc-v669',
  cgroupVersion: 1,
  controllers: CGROUPS.split(' '),
  hierarchicalMemory: true,
  cpuBandwidth: true,
  cgroupMount: { path: '/sys/fs/cgroup', directories: ['cpu', 'memory'] },
  mounts: parseMounts('cgroup /sys/fs/cgroup/cpu cgroup rw,relatime,cpu 0 0\n'),
  dockerVersion: '20.10.24+dfsg1',
  engines: [{ runtime: 'docker', endpoint: 'unix:///x', info: { storageDriver: 'overlay2' } as never }],
  disks: [{ name: 'vda', major: 254, minor: 0, size: 1, scheduler: 'mq-deadline' }],
  watched: [{ name: '/graw', directories: ['/sys/fs/cgroup/cpu/graw'] }],
  containers: [{ name: '/docker/x', description: { namespace: 'docker', aliases: ['web', 'x'] } as never }],
};

/** The lines that do not begin with a tab: titles and verdicts. */
const titles = (text: string): string[] => text.split('\n').filter((line) => /^[^\t]/.test(line));

it('sections and verdicts equal those of the recorded report', () => {
  const recorded = titles(readFileSync('test/golden/validate.txt', 'utf8'));
  const ours = titles(reportText(RECORDED)).map((line) => line.replace(' (Tallyman)', ''));
  assert.deepEqual(ours, recorded);
});

it('watches and containers are listed by name', () => {
  const text = reportText(RECORDED);
  assert.ok(text.includes('Inotify watches: \n\t/graw\n\t\t/sys/fs/cgroup/cpu/graw\n'));
  assert.ok(
    text.includes('Managed containers: \n\t/docker/x\n\t\tNamespace: docker\n\t\tAliases:\n\t\t\tweb\n\t\t\tx\n'),
  );
});

const verdictOf = (title: string, facts: Partial<Facts>): string =>
  CHECKS.map((check) => check({ ...RECORDED, ...facts })).find((section) => section.title === title)!.verdict;

it('each verdict follows its documented rule', () => {
  const kernel = (kernelVersion: string) => verdictOf('Kernel version', { kernelVersion });
  assert.deepEqual(['2.6.32', '3.0', '5.10.1-x', '2.4.9', '1.0', 'rubbish', ''].map(kernel), [
    'supported',
    'recommended',
    'recommended',
    'unsupported',
    'unsupported',
    'unknown',
    'unknown',
  ]);
  const docker = (dockerVersion: string | undefined) => verdictOf('Docker version', { dockerVersion });
  assert.deepEqual(['1.2.0', '29.0.1', '1.1.9', '0.9', 'Unknown', undefined].map(docker), [
    'recommended',
    'recommended',
    'supported',
    'unsupported',
    'unknown',
    'unknown',
  ]);
  const without = (...names: string[]) =>
    verdictOf('Cgroup setup', { controllers: RECORDED.controllers.filter((name) => !names.includes(name)) });
  assert.deepEqual(
    [without('cpu'), without('cpuacct'), without('freezer'), without('pids')],
    ['unsupported', 'unsupported', 'supported', 'recommended'],
  );
  const unified = (controllers: string[]) => verdictOf('Cgroup setup', { cgroupVersion: 2, controllers });
  assert.deepEqual(
    [unified(['cpu', 'memory', 'io', 'cpuset', 'pids']), unified(['cpu']), unified(['memory'])],
    ['recommended', 'supported', 'unsupported'],
  );
  const mount = (cgroupMount: Facts['cgroupMount']) => verdictOf('Cgroup mount setup', { cgroupMount });
  assert.deepEqual(
    [mount(undefined), mount({ path: '/cg', directories: [] }), mount({ path: '/cg', failure: 'EACCES' })],
    ['unknown', 'supported', 'unsupported'],
  );
  assert.equal(verdictOf('Docker driver setup', { engines: [] }), 'unsupported');
  assert.equal(verdictOf('Docker driver setup', { engines: [{ runtime: 'docker', endpoint: 'x' }] }), 'unsupported');
  assert.equal(
    verdictOf('Block device setup', { disks: [{ ...RECORDED.disks[0]!, scheduler: 'bfq' }] }),
    'recommended',
  );
});

it('malformed lines of /proc/mounts give no mounts', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      for (const { mountpoint } of parseMounts(text)) assert.equal(typeof mountpoint, 'string');
    }),
  );
});
