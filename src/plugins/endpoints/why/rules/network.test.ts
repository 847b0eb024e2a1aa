import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judged, measured } from '../../../../../test/support/rule-bench.js';
import { listenOverflows, networkErrors, tcpRetransmits, udpDrops } from './network.js';

const own = { description: { networkMode: 'own' as const, pid: 42 } };

describe('network-errors', () => {
  const losing = (dropped: number, packets: number, more: typeof own | object = own, name = 'eth0') =>
    measured(
      '/a',
      {
        [`network.rx_packets{${name}}`]: [0, packets],
        [`network.rx_errors{${name}}`]: 0,
        [`network.rx_dropped{${name}}`]: [0, dropped],
      },
      more,
    );

  it('finds an interface that loses 1 % of its packets or more', () => {
    const finding = judged(networkErrors, [losing(50, 950)])!;
    assert.equal(finding.evidence[0]!.text, 'eth0: 50 dropped and 0 damaged of 1000 packets received (5 %)');
    assert.equal(finding.lines![0]!.line, 'nsenter --target 42 --net ip -s -s link');
  });

  it('does not find one that loses few, the loopback, or a container in the network of the host', () => {
    assert.equal(judged(networkErrors, [losing(50, 100_000)]), undefined);
    assert.equal(judged(networkErrors, [losing(5, 10)]), undefined);
    assert.equal(judged(networkErrors, [losing(50, 950, own, 'lo')]), undefined);
    assert.equal(judged(networkErrors, [losing(50, 950, { description: { networkMode: 'host' } })]), undefined);
  });
});

describe('TCP and UDP', () => {
  it('finds segments that are sent again, from 2 % on', () => {
    const sending = (again: number) =>
      measured('/a', { 'tcp_advanced.RetransSegs': [0, again], 'tcp_advanced.OutSegs': [0, 900] }, own);
    assert.equal(
      judged(tcpRetransmits, [sending(100)])!.evidence[0]!.text,
      '100 of 1000 segments sent again (10 %), 0 timeouts',
    );
    assert.equal(judged(tcpRetransmits, [sending(10)]), undefined);
  });

  it('finds connections that a full accept queue dropped', () => {
    const overflowing = (by: number) => measured('/a', { 'tcp_advanced.ListenOverflows': [7, 7 + by] }, own);
    assert.match(judged(listenOverflows, [overflowing(3)])!.evidence[0]!.text, /3 connections dropped in 60 s/);
    assert.equal(judged(listenOverflows, [overflowing(0)]), undefined);
  });

  it('finds UDP packets that sockets dropped', () => {
    const dropping = (by: number) => measured('/a', { 'udp.Dropped': [0, by], 'udp6.Dropped': [0, by] }, own);
    assert.match(judged(udpDrops, [dropping(5)])!.evidence[0]!.text, /10 packets dropped/);
    assert.equal(judged(udpDrops, [dropping(1)]), undefined);
  });
});
