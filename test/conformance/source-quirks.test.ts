// The mistakes of the older agent that the readers of kernel files mend (docs/compatibility.md names the test of each).
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ByteScanner } from '../../src/kernel/contracts/bytes/index.js';
import { UsageSummarizer } from '../../src/kernel/history/index.js';
import { createLinuxHost, DescriptorBudget } from '../../src/kernel/linux/index.js';
import { readMachine } from '../../src/kernel/machine/index.js';
import { defaultInterface } from '../../src/plugins/metric-sources/network/routes.js';
import { countStates } from '../../src/plugins/metric-sources/tcp/index.js';
import { addUpSockets } from '../../src/plugins/metric-sources/udp/index.js';
import { HostTree } from '../support/tree.js';

function scannerOf(text: string): ByteScanner {
  const scanner = new ByteScanner();
  const bytes = Buffer.from(text);
  scanner.reset(bytes, bytes.length);
  return scanner;
}

const HEADING = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const socket = (state: string, queues: string): string =>
  `   0: 0100007F:1F90 00000000:0000 ${state} ${queues} 00:00000000 00000000     0        0 21 2 0000000000000000 7\n`;

it('a TCP line with an unknown state is skipped', () => {
  const counts = new Float64Array(11);
  const lines = [socket('0A', '0:0'), socket('0C', '0:0'), 'nonsense\n', socket('01', '0:0'), socket('0A', '0:0')];
  countStates(scannerOf(HEADING + lines.join('')), counts);
  assert.deepEqual([...counts], [1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0]);
});

it('the first UDP queue is the send queue', () => {
  const sums = new Float64Array(4);
  addUpSockets(scannerOf(HEADING + socket('07', '00000010:00000A00')), sums);
  const [listen, dropped, rxQueued, txQueued] = sums;
  assert.deepEqual({ listen, dropped, rxQueued, txQueued }, { listen: 1, dropped: 7, rxQueued: 2560, txQueued: 16 });
});

it('the primary interface is that of the default route, in any order', () => {
  const routes = [
    'Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT',
    'ifb0 0001A8C0 00000000 0001 0 0 0 00FFFFFF 0 0 0',
    'eth1 00000000 0101A8C0 0003 0 0 200 00000000 0 0 0',
    'eth0 00000000 0100000A 0003 0 0 100 00000000 0 0 0',
  ];
  assert.equal(
    defaultInterface(routes.join('\n'), () => ''),
    'eth0',
  );
});

it('filesystems mounted after the start are found when the machine is read again', async () => {
  const root = '20 1 254:0 / / rw - ext4 /dev/vda rw\n';
  const tree = new HostTree({ '/proc/1/mountinfo': root });
  try {
    const clock = { now: () => 0, monotonic: () => 0 };
    const host = createLinuxHost({ paths: tree.paths, budget: new DescriptorBudget(0), clock, readMachine });
    const devices = () => host.filesystems().map(({ device }) => device);
    await host.refresh();
    assert.deepEqual(devices(), ['/dev/vda']);
    tree.add({ '/proc/1/mountinfo': `${root}21 20 254:16 / /data rw - xfs /dev/vdb rw\n` });
    await host.refresh();
    assert.deepEqual(devices(), ['/dev/vda', '/dev/vdb']);
    assert.deepEqual(
      host.machine().filesystems.map(({ device }) => device),
      ['/dev/vda', '/dev/vdb'],
    );
  } finally {
    tree.remove();
  }
});

it('all machine id files are tried on the host', async () => {
  const tree = new HostTree({ '/var/lib/dbus/machine-id': 'second\n' });
  try {
    assert.equal((await readMachine(tree.paths, [])).machine_id, 'second');
  } finally {
    tree.remove();
  }
});

it('hour percentiles are computed from the 90th percentiles of the minutes', () => {
  const summarizer = new UsageSummarizer();
  for (let second = 0; second <= 61; second++) summarizer.add(second * 1e6, second * 1e9, 1000 * second);
  const { minute, hour } = summarizer.stats();
  assert.notEqual(minute.memory.fifty, minute.memory.ninety);
  assert.deepEqual(
    [hour.memory.fifty, hour.memory.ninety, hour.memory.ninetyfive],
    Array(3).fill(minute.memory.ninety),
  );
});
