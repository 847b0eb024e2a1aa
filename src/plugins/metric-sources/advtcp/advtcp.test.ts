import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { attached, FileTree, nameOf, sampleOf, sourceOf, TestClock } from '../../../../test/support/probes.js';
import { TestHost } from '../../../../test/support/test-host.js';
import { assertCells, textOf } from '../../../../test/support/texts.js';
import { advTcpFields } from './fields.js';
import advTcpPlugin, { findPairCells } from './index.js';

const SNMP =
  'Ip: Forwarding InReceives\nIp: 1 5\nTcp: RtoMin MaxConn InSegs Unknown\nTcp: 200 -1 77 9\nUdp: InErrors\nUdp: 3\n';

it('reads the kernel’s counters by name, in any order', (t) => {
  const tree = new FileTree(1).write({
    'proc/1/stat': `1 (init) S ${'0 '.repeat(18)}5 0\n`,
    'proc/1/net/snmp': SNMP,
    'proc/1/net/netstat':
      'TcpExt: TW ArpFilter TCPSynRetrans\nTcpExt: 1 2 18446744073709551615\nIpExt: InOctets\nIpExt: 5\n',
  });
  t.after(() => tree.remove());
  const source = sourceOf(advTcpPlugin, { linux: new TestHost(tree.root), clock: new TestClock() });
  const probe = attached(source, tree.target('/'));
  const { columns } = probe;
  tree.write({ 'proc/1/net/snmp': SNMP.replace('1 5', '1 500') });
  assert.deepEqual(sampleOf(probe), {
    'tcp_advanced.RtoMin': 200,
    'tcp_advanced.MaxConn': -1,
    'tcp_advanced.InSegs': 77,
    'tcp_advanced.TW': 1,
    'tcp_advanced.TCPSynRetrans': 18446744073709551615n,
  });
  assert.equal(probe.columns, columns);
});

it('skips missing, surplus and malformed values', () => {
  const names = (text: string) =>
    findPairCells(text, 'Tcp', advTcpFields.snmp).flatMap(({ column }) => (column ? [nameOf(column)] : []));
  assert.deepEqual(names('Tcp: InSegs OutSegs\nTcp: 1\n'), ['tcp_advanced.InSegs']);
  assert.deepEqual(names('Tcp: InSegs\nTcp: 1 2 3\n'), ['tcp_advanced.InSegs']);
  assert.deepEqual(names('Tcp: InSegs OutSegs\nTcp: x 2\n'), ['tcp_advanced.OutSegs']);
  assert.deepEqual(names('Tcp: InSegs\n'), []);
});

it('never throws, and returns cells in order', () => {
  fc.assert(
    fc.property(textOf('Tcp:', ' InSegs', ' OutSegs', ' 12', '\n', ' -', ' ', 'Udp:'), (text) => {
      assertCells(text, findPairCells(text, 'Tcp', advTcpFields.snmp), /[-\d]/);
    }),
  );
});
