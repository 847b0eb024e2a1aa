import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { HostTree } from '../../../test/support/tree.js';
import { OwnCgroupReader } from './own-cgroup.js';

const V2_MOUNT = '31 23 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw';
const V1_MOUNTS = [
  '32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct',
  '35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
].join('\n');

function readerOf(t: TestContext, files: Record<string, string>): OwnCgroupReader {
  const tree = new HostTree(Object.fromEntries(Object.entries(files).map(([path, text]) => [`/${path}`, text])));
  t.after(() => tree.remove());
  return new OwnCgroupReader(tree.root);
}

/** What is known, without what is undefined. */
const known = (reader: OwnCgroupReader): unknown => JSON.parse(JSON.stringify(reader.read()));

describe('the own cgroup', () => {
  it('has the limits, the use and the pressure of cgroup v2', (t) => {
    const unit = 'sys/fs/cgroup/system.slice/tallyman.service';
    const reader = readerOf(t, {
      'proc/self/mountinfo': V2_MOUNT,
      'proc/self/cgroup': '0::/system.slice/tallyman.service\n',
      [`${unit}/cpu.max`]: '50000 100000\n',
      [`${unit}/memory.high`]: '402653184\n',
      [`${unit}/memory.max`]: '536870912\n',
      [`${unit}/memory.current`]: '200000000\n',
      [`${unit}/memory.stat`]: 'anon 1\ninactive_file 50000000\nactive_file 7\n',
      [`${unit}/memory.pressure`]:
        'some avg10=12.50 avg60=1.00 avg300=0.00 total=1\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n',
      [`${unit}/cpu.pressure`]: 'some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n',
    });
    assert.deepEqual(known(reader), {
      cpu: 0.5,
      memory: 402653184,
      memoryMax: 536870912,
      memoryUsed: 150000000,
      pressure: { cpu: 0, memory: 0.125 },
    });
  });

  it('keeps within a lower limit of a cgroup above', (t) => {
    const reader = readerOf(t, {
      'proc/self/mountinfo': V2_MOUNT,
      'proc/self/cgroup': '0::/a/b\n',
      'sys/fs/cgroup/a/memory.max': '1000\n',
      'sys/fs/cgroup/a/b/memory.max': 'max\n',
      'sys/fs/cgroup/a/b/cpu.max': 'max 100000\n',
    });
    assert.deepEqual(known(reader), { memory: 1000, memoryMax: 1000, pressure: {} });
  });

  it('has the limits of cgroup v1, whose largest number is no limit', (t) => {
    const files = {
      'proc/self/mountinfo': V1_MOUNTS,
      'proc/self/cgroup': '4:memory:/x\n1:cpu,cpuacct:/x\n0::/\n',
      'sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us': '20000\n',
      'sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us': '100000\n',
      'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
      'sys/fs/cgroup/memory/x/memory.limit_in_bytes': '9223372036854771712\n',
    };
    assert.deepEqual(known(readerOf(t, files)), { cpu: 0.2, pressure: {} });
    const limited = readerOf(t, { ...files, 'sys/fs/cgroup/memory/x/memory.limit_in_bytes': '4096\n' });
    assert.equal(limited.read().memory, 4096);
  });

  it('is found below a mount that begins at a cgroup', (t) => {
    const reader = readerOf(t, {
      'proc/self/mountinfo': '31 23 0:38 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw',
      'proc/self/cgroup': '0::/docker/abc\n',
      'sys/fs/cgroup/memory.max': '77\n',
    });
    assert.equal(reader.read().memory, 77);
  });

  it('has no limits when nothing can be read', (t) => {
    assert.deepEqual(known(readerOf(t, {})), { pressure: {} });
  });

  it('never throws, whatever its files say', (t) => {
    const root = 'sys/fs/cgroup';
    const text = fc.oneof(fc.string(), fc.constantFrom('max', '0 0', '-1', '1 2 3', 'some avg10=x'));
    fc.assert(
      fc.property(text, text, text, text, (cgroup, max, high, pressure) => {
        const reader = readerOf(t, {
          'proc/self/mountinfo': V2_MOUNT,
          'proc/self/cgroup': `0::/${cgroup.replaceAll(/[\0/]/g, '')}\n${cgroup}`,
          [`${root}/cpu.max`]: max,
          [`${root}/memory.high`]: high,
          [`${root}/memory.pressure`]: pressure,
        });
        const { cpu = 1, memory = 1 } = reader.read();
        assert.ok(Number.isFinite(cpu) && Number.isFinite(memory));
      }),
      { numRuns: 50 },
    );
  });
});
