import assert from 'node:assert/strict';
import { afterEach, beforeEach, it } from 'node:test';
import fc from 'fast-check';
import { absent, attached, FileTree, sampleOf, sourceOf, TestClock } from '../../../../test/support/probes.js';
import { TestHost } from '../../../../test/support/test-host.js';
import { textOf } from '../../../../test/support/texts.js';
import { ByteScanner } from '../../../kernel/contracts/bytes/index.js';
import tcpPlugin, { countStates } from './index.js';

const HEADING = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const socket = (state: string) =>
  `   0: 0100007F:1F90 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 123 1\n`;

let tree: FileTree;
beforeEach(() => {
  tree = new FileTree(1).write({ 'proc/1/stat': `1 (init) S ${'0 '.repeat(18)}5 0\n` });
});
afterEach(() => tree.remove());

const source = () => sourceOf(tcpPlugin, { linux: new TestHost(tree.root), clock: new TestClock() });

it('counts sockets by state, and skips malformed lines', () => {
  const states = ['01', '01', '0A', '0a', '0B', '06', '0C', '00', 'ZZ', '001', '1'];
  tree.write({
    'proc/1/net/tcp': `${HEADING}${states.map(socket).join('')}\nodd line\n`,
    'proc/1/net/tcp6': HEADING + socket('08'),
  });
  const sample = sampleOf(attached(source(), tree.target('/'))) ?? {};
  assert.equal(Object.keys(sample).length, 22);
  const counted = Object.entries(sample).filter(([, count]) => count !== 0);
  assert.deepEqual(Object.fromEntries(counted), {
    'tcp.Established': 2,
    'tcp.TimeWait': 1,
    'tcp.Listen': 2,
    'tcp.Closing': 1,
    'tcp6.CloseWait': 1,
  });
});

it('has one family without IPv6, and is absent without any file', () => {
  tree.write({ 'proc/1/net/tcp': HEADING });
  assert.equal(attached(source(), tree.target('/')).columns.length, 11);
  tree.remove();
  tree = new FileTree(1);
  assert.match(absent(source(), tree.target('/')).absent, /proc\/1\/net\/tcp cannot be read/);
});

it('never counts more sockets than lines', () => {
  const scanner = new ByteScanner();
  fc.assert(
    fc.property(textOf(HEADING, socket('01'), socket('0B'), 'x', ' ', '\n', '0A', '01 '), (text) => {
      const bytes = Buffer.from(text);
      const counts = new Float64Array(11);
      scanner.reset(bytes, bytes.length);
      countStates(scanner, counts);
      const sum = counts.reduce((total, count) => total + count, 0);
      assert.ok(sum <= text.split('\n').length);
    }),
  );
});
