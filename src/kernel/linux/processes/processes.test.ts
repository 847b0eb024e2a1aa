import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { cpuTime, percentCpu, percentMemory, startTime, stateFlags } from './columns.js';
import { parseCgroupPath, parsePasswd, parseStat, parseStatus } from './parse.js';

const STAT = (comm: string) =>
  `42 (${comm}) S 1 42 42 34816 42 4194560 1 0 0 0 250 125 0 0 20 -5 3 0 9000 1000 2 ${'0 '.repeat(14)}3 0 0\n`;

it('parseStat accepts any command name', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (comm) => {
      const stat = parseStat(STAT(comm));
      assert.deepEqual([stat?.comm, stat?.state, stat?.parent, stat?.cpuTicks], [comm, 'S', 1, 375]);
      assert.deepEqual([stat?.nice, stat?.threads, stat?.startTicks, stat?.processor], [-5, 3, 9000, 3]);
    }),
  );
  assert.equal(stateFlags(42, parseStat(STAT('x'))!, 4), 'S<Lsl+');
});

it('parseCgroupPath prefers memory, then cpu, then the unified hierarchy', () => {
  assert.equal(parseCgroupPath('4:memory:/m\n1:cpu,cpuacct:/c\n0::/u\n'), '/m');
  assert.equal(parseCgroupPath('3:cpuset:/s\n1:cpu,cpuacct:/c\n0::/u\n'), '/c');
  assert.equal(parseCgroupPath('9:name=systemd:/s\n0::/a:b (deleted)\n'), '/a:b');
  assert.equal(parseCgroupPath(''), '/');
});

it('parsePasswd uses the first line of an ID', () => {
  const names = parsePasswd('root:x:0:0::/root:/bin/sh\ntoor:x:0:0\nodd\n:x:7:\na:x:b:\nweb:x:33:33\n');
  assert.deepEqual(
    [...names],
    Object.entries({ 0: 'root', 33: 'web' }).map(([id, name]) => [Number(id), name]),
  );
});

it('parseStatus reads a process and a kernel thread', () => {
  assert.deepEqual(parseStatus('Uid:\t1\t33\t3\t4\nVmLck:\t  8 kB\nVmSize:\t 100 kB\nVmRSS:\t 7 kB\n'), {
    user: 33,
    virtualSize: 100,
    resident: 7,
    locked: 8,
  });
  assert.deepEqual(parseStatus('Uid:\t0\t0\t0\t0\n'), { user: 0, virtualSize: 0, resident: 0, locked: 0 });
});

it('the parsers never throw', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (odd) => {
      parseStat(odd);
      parseStatus(odd);
      parsePasswd(odd);
      assert.ok(parseCgroupPath(odd).startsWith('/'));
    }),
  );
});

it('formats columns like ps', () => {
  assert.deepEqual([cpuTime(0.9), cpuTime(3725), cpuTime(90061)], ['00:00:00', '01:02:05', '1-01:01:01']);
  assert.deepEqual([percentCpu(1, 3), percentCpu(5, 4), percentCpu(1, 0)], [33.3, 125, 0]);
  assert.deepEqual([percentMemory(1, 3), percentMemory(5, 4), percentMemory(1, 0)], [33.3, 99.9, 0]);
  const at = (...parts: [number, number, number, number, number]) => new Date(...parts).getTime();
  const now = at(2026, 10, 24, 12, 0);
  assert.equal(startTime(at(2026, 10, 24, 9, 5), now), '09:05');
  assert.equal(startTime(at(2026, 10, 3, 9, 5), now), 'Nov03');
  assert.equal(startTime(at(2025, 11, 31, 9, 5), now), '2025');
});
