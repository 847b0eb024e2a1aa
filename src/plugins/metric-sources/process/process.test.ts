import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, it } from 'node:test';
import fc from 'fast-check';
import { absent, attached, FileTree, RAW, sampleOf, sourceOf, TestClock } from '../../../../test/support/probes.js';
import { TestHost } from '../../../../test/support/test-host.js';
import { textOf } from '../../../../test/support/texts.js';
import { ByteScanner } from '../../../kernel/contracts/bytes/index.js';
import processPlugin from './index.js';
import { findOpenFiles, readLimit } from './parts.js';

let tree: FileTree;
let clock: TestClock;
beforeEach(() => {
  tree = new FileTree(1);
  clock = new TestClock();
});
afterEach(() => tree.remove());

const source = () => sourceOf(processPlugin, { clock, linux: new TestHost(tree.root) }, { descriptorInterval: 10_000 });

function openFiles(pid: number, from: number, ...links: string[]): void {
  const directory = join(tree.root, `proc/${pid}/fd`);
  mkdirSync(directory, { recursive: true });
  for (const [i, link] of links.entries()) symlinkSync(link, join(directory, String(from + i)));
}

const LIMITS =
  'Limit                     Soft Limit           Hard Limit           Units     \n' +
  'Max cpu time              unlimited            unlimited            seconds   \n' +
  'Max open files            1024                 unlimited            files     \n';

it('counts processes, open files and threads', () => {
  tree
    .writeCgroup('/a', 'cpu', { 'cgroup.procs': '5\n6\n7\n' })
    .writeCgroup('/a', 'pids', { 'pids.current': '9\n', 'pids.max': '50\n' });
  openFiles(5, 0, '/dev/null', 'socket:[1]', 'pipe:[2]');
  openFiles(6, 0, 'socket:[3]');
  const probe = attached(source(), tree.target('/a'));
  const expected = {
    'processes.process_count': 3,
    'processes.fd_count': 4,
    'processes.socket_count': 2,
    'processes.threads_current': 9,
    'processes.threads_max': 50,
  };
  assert.deepEqual(sampleOf(probe), expected);
  openFiles(6, 1, 'socket:[4]');
  assert.deepEqual(sampleOf(probe), expected);
  clock.milliseconds += 10_000;
  assert.deepEqual(sampleOf(probe), { ...expected, 'processes.fd_count': 5, 'processes.socket_count': 3 });
});

it('reports no thread limit as 0, and counts threads on v2 without the pids controller', () => {
  tree
    .writeCgroup('/a', 'cpu', { 'cgroup.procs': '' })
    .writeCgroup('/a', 'pids', { 'pids.current': '9\n', 'pids.max': 'max\n' });
  assert.equal(sampleOf(attached(source(), tree.target('/a')))?.['processes.threads_max'], 0);
  tree.remove();
  tree = new FileTree(2).writeCgroup('/a', 'cpu', { 'cgroup.procs': '5\n', 'cgroup.threads': '5\n6\n7\n' });
  const sample = sampleOf(attached(source(), tree.target('/a')));
  assert.equal(sample?.['processes.threads_current'], 3);
  assert.equal(sample?.['processes.threads_max'], 0);
});

it('reads limits of the first process while it exists', () => {
  tree.writeCgroup('/a', 'cpu', { 'cgroup.procs': '' }).write({
    'proc/5/limits': LIMITS,
    'proc/5/cgroup': '1:cpu:/a\n',
    'proc/5/stat': `5 (x) S ${'0 '.repeat(18)}3 0\n`,
  });
  const sample = sampleOf(attached(source(), tree.target('/a', { ...RAW, pid: 5 })));
  assert.equal(sample?.['processes.ulimit.soft{max_open_files}'], 1024);
  assert.equal(sample?.['processes.ulimit.hard{max_open_files}'], -1);
  assert.equal(attached(source(), tree.target('/a')).columns.length, 3);
});

it('is absent without a hierarchy that lists processes', () => {
  tree.writeCgroup('/a', 'blkio', { 'cgroup.procs': '' });
  assert.equal(absent(source(), tree.target('/a')).expected, true);
});

it('the parser of limits never throws', () => {
  const scanner = new ByteScanner();
  fc.assert(
    fc.property(textOf('Max open files', ' ', 'unlimited', '12', '\n', 'Max '), (text) => {
      scanner.reset(Buffer.from(text), Buffer.byteLength(text));
      assert.equal(findOpenFiles(scanner), /^Max open files/m.test(text));
      assert.equal(typeof readLimit(scanner), 'number');
    }),
  );
});
