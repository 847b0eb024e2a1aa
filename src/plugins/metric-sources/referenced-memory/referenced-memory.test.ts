import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { attached, FileTree, sampleOf, sourceOf, TestClock } from '../../../../test/support/probes.js';
import { textOf } from '../../../../test/support/texts.js';
import { ByteScanner } from '../../../kernel/contracts/bytes/index.js';
import referencedMemoryPlugin, { referencedBytes } from './index.js';

const rollup = (kb: number) => `55d0-7ffc ---p 00000000 00:00 0 [rollup]\nRss: 900 kB\nReferenced:     ${kb} kB\n`;

describe('referenced memory', () => {
  let tree: FileTree;
  let clock: TestClock;
  beforeEach(() => {
    clock = new TestClock();
    tree = new FileTree(2).writeCgroup('/a', 'memory', { 'cgroup.procs': '7\n8\n', 'memory.current': '1\n' }).write({
      'proc/1/smaps': '',
      'proc/7/smaps_rollup': rollup(100),
      'proc/7/clear_refs': '',
      'proc/8/smaps': `${rollup(3)}${rollup(4)}`,
      'proc/8/clear_refs': '',
    });
  });
  afterEach(() => tree.remove());

  const probe = (resetAfter: number, interval = 1000) =>
    attached(
      sourceOf(referencedMemoryPlugin, { clock, linux: tree.linux }, { interval, resetAfter }),
      tree.target('/a'),
    );

  it('is summed over the processes, by mapping on kernels without smaps_rollup', () => {
    assert.deepEqual(sampleOf(probe(0)), { 'memory.referenced': 107 * 1024 });
  });

  it('is measured once per interval and kept in between', async () => {
    const measured = probe(0);
    sampleOf(measured);
    tree.write({ 'proc/7/smaps_rollup': rollup(1) });
    await clock.advance(500);
    assert.deepEqual(sampleOf(measured), { 'memory.referenced': 107 * 1024 });
    await clock.advance(500);
    assert.deepEqual(sampleOf(measured), { 'memory.referenced': 8 * 1024 });
  });

  it('clears the marks after resetAfter measurements, and never by default', () => {
    const cleared = () => [7, 8].map((pid) => readFileSync(join(tree.root, `proc/${pid}/clear_refs`), 'utf8'));
    const never = probe(0, 0);
    for (let i = 0; i < 5; i++) sampleOf(never);
    assert.deepEqual(cleared(), ['', '']);
    const every = probe(2, 0);
    sampleOf(every);
    assert.deepEqual(cleared(), ['', '']);
    sampleOf(every);
    assert.deepEqual(cleared(), ['1', '1']);
  });

  it('is absent when no process is readable, 0 without processes, and skips ended processes', () => {
    tree.writeCgroup('/a', 'memory', { 'cgroup.procs': '7\n99\n' });
    assert.deepEqual(sampleOf(probe(1)), { 'memory.referenced': 100 * 1024 });
    tree.writeCgroup('/a', 'memory', { 'cgroup.procs': '98\n99\n' });
    assert.deepEqual(sampleOf(probe(1)), {});
    tree.writeCgroup('/a', 'memory', { 'cgroup.procs': '' });
    assert.deepEqual(sampleOf(probe(1)), { 'memory.referenced': 0 });
  });

  it('never throws, and accepts truncated and huge numbers', () => {
    const scanner = new ByteScanner();
    const texts = textOf('Referenced:', ' ', '12', ' kB', '\n', 'Rss:', '99999999999999999999', '-3', 'Referen');
    fc.assert(
      fc.property(texts, (text) => {
        scanner.reset(Buffer.from(text), Buffer.byteLength(text));
        const bytes = referencedBytes(scanner);
        assert.ok(Number.isNaN(bytes) || bytes >= 0, `${bytes}`);
      }),
    );
  });
});
