import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { rowOf } from '../../../../test/support/parts.js';
import { absent, attached, FileTree, sampleOf, sourceOf, TestClock } from '../../../../test/support/probes.js';
import { TestHost } from '../../../../test/support/test-host.js';
import { assertCells, textOf } from '../../../../test/support/texts.js';
import type { Probe } from '../../../kernel/contracts/index.js';
import { diskIoFields } from './fields.js';
import diskIoPlugin from './index.js';
import { findBlkioCells, findIoStatCells } from './probe.js';

let tree: FileTree;
let host: TestHost;
let clock: TestClock;
const use = (version: 1 | 2): void => {
  tree = new FileTree(version);
  host = new TestHost(tree.root);
  host.devices.set('8:0', '/dev/sda');
};
beforeEach(() => {
  clock = new TestClock();
  use(1);
});
afterEach(() => tree.remove());

const source = () => sourceOf(diskIoPlugin, { clock, linux: host });
const blkio = (files: Record<string, string>) =>
  tree.writeCgroup('/a', 'blkio', Object.fromEntries(Object.entries(files).map(([k, v]) => [`blkio.${k}`, v])));

const NOTHING = 'Total 0\n';

it('has no columns before the first I/O', () => {
  blkio({ 'throttle.io_service_bytes_recursive': NOTHING, 'throttle.io_serviced_recursive': NOTHING });
  const probe = attached(source(), tree.target('/a'));
  assert.deepEqual(sampleOf(probe), {});
  blkio({
    'throttle.io_service_bytes_recursive': '8:0 Read 4096\n8:0 Write 0\nTotal 4096\n',
    'throttle.io_serviced_recursive': '8:0 Read 1\n8:0 Write 0\nTotal 1\n',
  });
  assert.deepEqual(sampleOf(probe), {
    'diskio.io_service_bytes{8,0,/dev/sda,Read}': 4096,
    'diskio.io_service_bytes{8,0,/dev/sda,Write}': 0,
    'diskio.io_serviced{8,0,/dev/sda,Read}': 1,
    'diskio.io_serviced{8,0,/dev/sda,Write}': 0,
  });
  probe.close();
});

it('keeps the layout until the devices change', () => {
  blkio({ 'throttle.io_service_bytes': '8:0 Read 1\nTotal 1\n' });
  const probe = attached(source(), tree.target('/a'));
  const { columns } = probe;
  blkio({ 'throttle.io_service_bytes': '8:0 Read 22222\nTotal 22222\n' });
  assert.deepEqual(sampleOf(probe), { 'diskio.io_service_bytes{8,0,/dev/sda,Read}': 22_222 });
  assert.equal(probe.columns, columns);
  blkio({ 'throttle.io_service_bytes': '8:16 Read 5\n8:0 Read 22222\nTotal 22227\n' });
  assert.deepEqual(sampleOf(probe), {
    'diskio.io_service_bytes{8,16,,Read}': 5,
    'diskio.io_service_bytes{8,0,/dev/sda,Read}': 22_222,
  });
  assert.notEqual(probe.columns, columns);
});

it('prefers files of the scheduler to throttle files, and recursive files to plain ones', () => {
  const groups = ['throttle.io_service_bytes', 'throttle.io_service_bytes_recursive', 'io_service_bytes_recursive'];
  groups.push('bfq.io_service_bytes_recursive');
  for (const [i, name] of groups.entries()) {
    blkio({ [name]: `8:0 Read ${i + 1}\nTotal ${i + 1}\n` });
    const expected = { 'diskio.io_service_bytes{8,0,/dev/sda,Read}': i + 1 };
    assert.deepEqual(sampleOf(attached(source(), tree.target('/a'))), expected);
  }
  blkio({ 'bfq.io_service_bytes_recursive': NOTHING });
  const unused = { 'diskio.io_service_bytes{8,0,/dev/sda,Read}': 3 };
  assert.deepEqual(sampleOf(attached(source(), tree.target('/a'))), unused);
});

it('labels lines without an operation as Count', () => {
  blkio({
    io_service_bytes_recursive: '8:0 Read 1\nTotal 1\n',
    sectors_recursive: '8:0 7\n',
    time_recursive: '8:0 9\n',
  });
  assert.deepEqual(sampleOf(attached(source(), tree.target('/a'))), {
    'diskio.io_service_bytes{8,0,/dev/sda,Read}': 1,
    'diskio.sectors{8,0,/dev/sda,Count}': 7,
    'diskio.io_time{8,0,/dev/sda,Count}': 9,
  });
});

it('reads operations and io.cost of io.stat, and skips other keys', () => {
  tree.remove();
  use(2);
  const line = (n: number) =>
    `8:0 rbytes=${n} wbytes=2 rios=3 wios=4 dbytes=5 dios=6 cost.vrate=100.5 cost.usage=7 cost.wait=8\n8:16 \n`;
  tree.writeCgroup('/a', 'blkio', { 'io.stat': line(1) });
  const probe = attached(source(), tree.target('/a'));
  const { columns } = probe;
  tree.writeCgroup('/a', 'blkio', { 'io.stat': line(100).replace('100.5', '99.25') });
  assert.deepEqual(sampleOf(probe), {
    'diskio.io_service_bytes{8,0,/dev/sda,Read}': 100,
    'diskio.io_service_bytes{8,0,/dev/sda,Write}': 2,
    'diskio.io_serviced{8,0,/dev/sda,Read}': 3,
    'diskio.io_serviced{8,0,/dev/sda,Write}': 4,
    'diskio.io_cost_usage{8,0,/dev/sda,Count}': 7,
    'diskio.io_cost_wait{8,0,/dev/sda,Count}': 8,
  });
  assert.equal(probe.columns, columns);
});

it('updates the name of a device when it becomes known', () => {
  blkio({ 'throttle.io_service_bytes': '259:0 Read 1\nTotal 1\n' });
  const probe = attached(source(), tree.target('/a'));
  assert.deepEqual(sampleOf(probe), { 'diskio.io_service_bytes{259,0,,Read}': 1 });
  host.devices.set('259:0', '/dev/nvme0n1');
  clock.milliseconds += 61_000;
  assert.deepEqual(sampleOf(probe), { 'diskio.io_service_bytes{259,0,/dev/nvme0n1,Read}': 1 });
});

it('is absent without the controller', () => {
  assert.equal(absent(source(), tree.target('/a')).expected, true);
  assert.match(absent(source(), tree.target('/')).absent, /blkio controller is not mounted/);
});

it('never throws, and returns cells in ascending order', () => {
  const text = textOf('8:0', ' ', 'Read', '\n', '12', 'rbytes=', 'cost.usage=', 'Total ', 'x', ':');
  const namer = () => '';
  fc.assert(
    fc.property(text, (content) => {
      for (const cells of [findBlkioCells(content, diskIoFields.sectors, namer), findIoStatCells(content, namer)]) {
        assertCells(content, cells);
      }
    }),
  );
});

describe('while the counts of the cgroup above stand still', () => {
  const NAMES = ['/a/1', '/a/2', '/a/3', '/a/4'];
  const CHECK_MS = 50;
  const filesOf = (version: 1 | 2, bytes: number) =>
    version === 1
      ? {
          'blkio.throttle.io_service_bytes_recursive': `8:0 Read ${bytes}\nTotal ${bytes}\n`,
          'blkio.throttle.io_serviced_recursive': `8:0 Read ${bytes / 10}\nTotal ${bytes / 10}\n`,
        }
      : { 'io.stat': `8:0 rbytes=${bytes} wbytes=0 rios=${bytes / 10} wios=0 dbytes=0 dios=0\n` };

  for (const version of [1, 2] as const) {
    it(`those of cgroups below it are repeated, on cgroup v${version}`, () => {
      tree.remove();
      use(version);
      const write = (name: string, bytes: number) => tree.writeCgroup(name, 'blkio', filesOf(version, bytes));
      for (const name of ['/a', ...NAMES]) write(name, 10);
      const io = source();
      const probes = NAMES.map((name) => attached(io, tree.target(name)));
      const [probe] = probes as [Probe];
      /** The bytes that a sample has after `ms`; 7 is repeated. */
      const bytesAfter = (ms: number, mayRepeat = true) => {
        clock.milliseconds += ms;
        const width = probe.columns.length;
        return rowOf(probe, mayRepeat ? Array<number>(width).fill(7) : undefined).values[0];
      };
      assert.equal(bytesAfter(0), 10, 'the cgroup above is not known yet');
      assert.equal(bytesAfter(2 * CHECK_MS), 10, 'nor that it stands still');
      assert.equal(bytesAfter(CHECK_MS), 7);
      assert.equal(bytesAfter(0, false), 10);
      write('/a/1', 20);
      write('/a', 20);
      assert.equal(bytesAfter(CHECK_MS), 20);
      assert.equal(bytesAfter(2 * CHECK_MS), 20);
      assert.equal(bytesAfter(CHECK_MS), 7);
      for (const one of probes.slice(1)) one.close();
      assert.equal(bytesAfter(CHECK_MS), 20, 'a single cgroup is read itself');
      probe.close();
    });
  }
});
