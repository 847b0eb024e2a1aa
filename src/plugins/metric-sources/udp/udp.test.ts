import assert from 'node:assert/strict';
import { afterEach, beforeEach, it } from 'node:test';
import fc from 'fast-check';
import { attached, FileTree, sampleOf, sourceOf, TestClock } from '../../../../test/support/probes.js';
import { TestHost } from '../../../../test/support/test-host.js';
import { textOf } from '../../../../test/support/texts.js';
import { ByteScanner } from '../../../kernel/contracts/bytes/index.js';
import udpPlugin, { addUpSockets } from './index.js';

const HEADING =
  '   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n';
const socket = (queues: string, drops: string) =>
  `  100: 00000000:0044 00000000:0000 07 ${queues} 00:00000000 00000000     0        0 31 2 ffff888 ${drops}\n`;

let tree: FileTree;
beforeEach(() => {
  tree = new FileTree(1).write({ 'proc/1/stat': `1 (init) S ${'0 '.repeat(18)}5 0\n` });
});
afterEach(() => tree.remove());

it('reads tx and rx queues, and counts malformed lines as sockets without numbers', () => {
  tree.write({
    'proc/1/net/udp':
      HEADING +
      socket('00000010:00000300', '5') +
      socket('00000001:00000002', '6') +
      socket('1:2', '3 4') +
      socket('x', '9'),
    'proc/1/net/udp6': HEADING,
  });
  const source = sourceOf(udpPlugin, { linux: new TestHost(tree.root), clock: new TestClock() });
  assert.deepEqual(sampleOf(attached(source, tree.target('/'))), {
    'udp.Listen': 4,
    'udp.Dropped': 11,
    'udp.RxQueued': 0x302,
    'udp.TxQueued': 0x11,
    'udp6.Listen': 0,
    'udp6.Dropped': 0,
    'udp6.RxQueued': 0,
    'udp6.TxQueued': 0,
  });
});

it('returns numbers for any bytes', () => {
  const scanner = new ByteScanner();
  fc.assert(
    fc.property(textOf(HEADING, socket('0A:0B', '1'), 'x', ' ', '\n', ':'), (text) => {
      const sums = new Float64Array(4).fill(-1);
      scanner.reset(Buffer.from(text), Buffer.byteLength(text));
      addUpSockets(scanner, sums);
      for (const sum of sums) assert.ok(sum >= 0);
      assert.ok(sums[0]! < text.split('\n').length);
    }),
  );
});
