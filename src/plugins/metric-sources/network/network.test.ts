import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { absent, attached, FileTree, RAW, sampleOf, sourceOf, TestClock } from '../../../../test/support/probes.js';
import { TestHost } from '../../../../test/support/test-host.js';
import { assertCells, textOf } from '../../../../test/support/texts.js';
import type { ContainerDescription, Probe } from '../../../kernel/contracts/index.js';
import networkPlugin from './index.js';
import { findInterfaceCells } from './interfaces.js';
import { defaultInterface } from './routes.js';

const HEADING =
  'Inter-|   Receive                                                |  Transmit\n' +
  ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n';
const line = (name: string, first = 1) =>
  `${name.padStart(6)}: ${Array.from({ length: 16 }, (_, i) => String(first + i).padStart(7)).join(' ')}\n`;
const ROUTES = 'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n';
const route = (name: string, metric: number, destination = '00000000', flags = '0003') =>
  `${name}\t${destination}\t010200C0\t${flags}\t0\t0\t${metric}\t${destination}\t0\t0\t0\n`;

describe('the network source', () => {
  let tree: FileTree;
  let clock: TestClock;
  beforeEach(() => {
    tree = new FileTree(1);
    clock = new TestClock();
  });
  afterEach(() => tree.remove());

  const source = () => sourceOf(networkPlugin, { linux: new TestHost(tree.root), clock });
  const own: ContainerDescription = { ...RAW, networkMode: 'own', pid: 7 };
  const startedAt = (ticks: number) => `7 (a) b) S ${'0 '.repeat(18)}${ticks} 0 0\n`;
  const writeProcess = (dev: string, ticks = 500) =>
    tree.write({
      'proc/7/cgroup': '2:cpu:/c\n0::/c\n',
      'proc/7/stat': startedAt(ticks),
      'proc/7/net/dev': HEADING + dev,
    });
  const primaryOf = (probe: Probe) => [
    ...new Set(
      probe.columns.flatMap(({ attributes, labels }) => (attributes?.primary === 'true' ? (labels ?? []) : [])),
    ),
  ];

  it('reads the counters of each interface in file order, without loopback and host ends of container networks', () => {
    writeProcess(
      line('lo') + line('eth0', 100) + line('veth12') + line('docker0') + line('NerdCtl0') + line('wg0', 200),
    );
    const sample = sampleOf(attached(source(), tree.target('/c', own)));
    assert.deepEqual(
      Object.entries(sample ?? {}).map(([name, value]) => `${name}=${value}`),
      ['eth0', 'wg0'].flatMap((name, i) => {
        const base = 100 + i * 100;
        const names = ['bytes', 'packets', 'errors', 'dropped'];
        const side = (prefix: string, from: number) =>
          names.map((what, at) => `network.${prefix}_${what}{${name}}=${from + at}`);
        return [...side('rx', base), ...side('tx', base + 8)];
      }),
    );
  });

  it('keeps the layout when only skipped interfaces change, and changes it for a new interface', () => {
    writeProcess(line('lo') + line('eth0'));
    const probe = attached(source(), tree.target('/c', own));
    const { columns } = probe;
    writeProcess(line('lo', 5_000_000) + line('eth0', 70));
    assert.equal(sampleOf(probe)?.['network.rx_bytes{eth0}'], 70);
    assert.equal(probe.columns, columns);
    writeProcess(line('lo') + line('eth0', 71) + line('eth1', 72));
    assert.equal(sampleOf(probe)?.['network.rx_bytes{eth1}'], 72);
  });

  it('marks the interface of the default route as primary, and checks it every ten seconds', () => {
    writeProcess(line('ifb0') + line('eth0') + line('eth1'));
    tree.write({ 'proc/7/net/route': ROUTES + route('eth1', 20) + route('eth0', 10) });
    const probe = attached(source(), tree.target('/c', own));
    assert.deepEqual(primaryOf(probe), ['eth0']);
    tree.write({ 'proc/7/net/route': ROUTES + route('eth1', 20) });
    sampleOf(probe);
    assert.deepEqual(primaryOf(probe), ['eth0']);
    clock.milliseconds += 10_000;
    sampleOf(probe);
    assert.deepEqual(primaryOf(probe), ['eth1']);
  });

  it('marks a single interface as primary, and none of several without a default route', () => {
    writeProcess(line('eth0'));
    assert.deepEqual(primaryOf(attached(source(), tree.target('/c', own))), ['eth0']);
    writeProcess(line('eth0') + line('eth1'));
    assert.deepEqual(primaryOf(attached(source(), tree.target('/c', own))), []);
  });

  it('skips lines that do not have 16 numbers', () => {
    writeProcess(`${line('eth0')}  eth1: 1 2 3\n  eth2: ${'x '.repeat(16)}\n`);
    const probe = attached(source(), tree.target('/c', own));
    assert.deepEqual([...new Set(probe.columns.map(({ labels }) => labels?.[0]))], ['eth0']);
  });

  it('ends with the process, and when the pid was reused', () => {
    writeProcess(line('eth0'));
    const probe = attached(source(), tree.target('/c', own));
    rmSync(join(tree.root, 'proc/7'), { recursive: true });
    assert.equal(sampleOf(probe), undefined);
    writeProcess(line('eth0'));
    const other = attached(source(), tree.target('/c', own));
    writeProcess(line('eth0', 999), 501);
    clock.milliseconds += 60_000;
    assert.equal(sampleOf(other), undefined);
  });

  it('rejects a process of another cgroup', () => {
    writeProcess(line('eth0'));
    assert.match(absent(source(), tree.target('/d', own)).absent, /process 7 is not in the container's cgroup/);
    assert.match(absent(source(), tree.target('/c', { ...own, pid: 8 })).absent, /first process \(8\) is gone/);
  });

  it('is expected to be absent for containers without a network of their own', () => {
    for (const networkMode of ['none', 'shared'] as const) {
      assert.equal(absent(source(), tree.target('/c', { ...own, networkMode })).expected, true);
    }
    assert.equal(absent(source(), tree.target('/c', { ...RAW, networkMode: 'own' })).expected, true);
  });

  it('reads the machine through pid 1', () => {
    tree.write({ 'proc/1/net/dev': HEADING + line('eth0'), 'proc/1/stat': startedAt(1) });
    assert.equal(sampleOf(attached(source(), tree.target('/')))?.['network.tx_bytes{eth0}'], 9);
  });
});

it('defaultInterface uses the lowest metric, IPv6 when IPv4 has no default route, and ignores reject routes', () => {
  const v6 = (name: string, metric: string, flags: string, destination = '0'.repeat(32), length = '00') =>
    `${destination} ${length} ${'0'.repeat(32)} 00 ${'0'.repeat(32)} ${metric} 00000001 00000000 ${flags} ${name}\n`;
  const unreachable = v6('lo', 'ffffffff', '00200200');
  assert.equal(
    defaultInterface(ROUTES + route('a', 5) + route('b', 3), () => ''),
    'b',
  );
  assert.equal(
    defaultInterface(ROUTES + route('a', 5, '000200C0'), () => unreachable),
    undefined,
  );
  const six = v6('eth0', '00000400', '00000003') + v6('eth1', '00000100', '00000003') + unreachable;
  assert.equal(
    defaultInterface(ROUTES, () => six),
    'eth1',
  );
  assert.equal(
    defaultInterface('', () => v6('eth2', '00000001', '00000001', 'f'.repeat(32), '40')),
    undefined,
  );
});

it('the parsers never throw, and cells are in order', () => {
  fc.assert(
    fc.property(
      textOf('eth0', ':', ' ', '12', '\n', '|', 'lo', '00000000', '0003', '\t', line('x'), route('y', 1)),
      (text) => {
        assertCells(
          text,
          findInterfaceCells(text, (names) => names[0]),
        );
        defaultInterface(text, () => text);
      },
    ),
  );
});
