import assert from 'node:assert/strict';
import { it } from 'node:test';
import { absent, attached, FileTree, sampleOf, sourceOf, TestClock } from '../../../../test/support/probes.js';
import oomEvent from './index.js';

it('reads kills at its interval and repeats them in between', (t) => {
  const tree = new FileTree(1);
  t.after(() => tree.remove());
  const control = (kills: number) =>
    tree.writeCgroup('/a', 'memory', { 'memory.oom_control': `oom_kill_disable 0\nunder_oom 0\noom_kill ${kills}\n` });
  const clock = new TestClock();
  control(1);
  const probe = attached(sourceOf(oomEvent, { clock }, { interval: 5000 }), tree.target('/a'));
  assert.deepEqual(sampleOf(probe), { 'oom.kills': 1 });
  control(2);
  assert.deepEqual(sampleOf(probe), { 'oom.kills': 1 });
  clock.milliseconds += 5000;
  assert.deepEqual(sampleOf(probe), { 'oom.kills': 2 });
});

it('reads kills on v2, and reports kernels without the counter', (t) => {
  const source = sourceOf(oomEvent, { clock: new TestClock() }, { interval: 0 });
  const tree = new FileTree(2).writeCgroup('/a', 'memory', { 'memory.events': 'low 0\noom 1\noom_kill 3\n' });
  t.after(() => tree.remove());
  assert.deepEqual(sampleOf(attached(source, tree.target('/a'))), { 'oom.kills': 3 });
  tree.writeCgroup('/old', 'memory', { 'memory.events': 'low 0\n' });
  const old = attached(source, tree.target('/old'));
  assert.deepEqual(sampleOf(old), {});
  assert.match(old.missing?.[0]?.reason ?? '', /Linux 4\.13/);
  assert.equal(absent(source, tree.target('/b')).expected, true);
});
