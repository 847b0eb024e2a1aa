import assert from 'node:assert/strict';
import { afterEach, beforeEach, it } from 'node:test';
import { absent, attached, FileTree, sampleOf, sourceOf, TestClock } from '../../../../test/support/probes.js';
import { TestHost } from '../../../../test/support/test-host.js';
import cpuLoadPlugin from './index.js';

let tree: FileTree;
let clock: TestClock;
beforeEach(() => {
  tree = new FileTree(1);
  clock = new TestClock();
});
afterEach(() => tree.remove());

const source = () => sourceOf(cpuLoadPlugin, { clock, linux: new TestHost(tree.root) });
const stat = (id: number, state: string) => ({ [`proc/${id}/stat`]: `${id} (a) R (b) ${state} 1 1 1\n` });
const file = { 1: 'tasks', 2: 'cgroup.threads' } as const;

function writeTasks(version: 1 | 2, states: string): void {
  const ids = Array.from(states, (_, i) => 100 + i);
  tree.writeCgroup('/a', 'cpu', { [file[version]]: ids.map((id) => `${id}\n`).join('') });
  for (const [i, state] of Array.from(states).entries()) tree.write(stat(100 + i, state));
}

for (const version of [1, 2] as const) {
  it(`counts tasks by state on v${version}, for any command name`, () => {
    tree.remove();
    tree = new FileTree(version);
    writeTasks(version, 'RRSSSTtDZIX');
    tree.writeCgroup('/a', 'cpu', { [file[version]]: `${'100\n101\n102\n103\n104\n105\n106\n107\n108\n'}99999\n` });
    assert.deepEqual(sampleOf(attached(source(), tree.target('/a'))), {
      'cpu.load_average': 2000,
      'cpu.load_d_average': 1000,
      'tasks.sleeping': 3,
      'tasks.running': 2,
      'tasks.stopped': 2,
      'tasks.uninterruptible': 1,
    });
  });
}

it('decays the load by a factor of e in ten seconds, independent of the sampling interval', () => {
  writeTasks(1, 'RR');
  const probe = attached(source(), tree.target('/a'));
  sampleOf(probe);
  writeTasks(1, 'S');
  for (let i = 0; i < 10; i++) {
    clock.milliseconds += 1000;
    sampleOf(probe);
  }
  assert.equal(sampleOf(probe)?.['cpu.load_average'], Math.trunc(2000 / Math.E));
  const other = attached(source(), tree.target('/a'));
  writeTasks(1, 'RR');
  sampleOf(other);
  writeTasks(1, 'S');
  clock.milliseconds += 10_000;
  assert.equal(sampleOf(other)?.['cpu.load_average'], Math.trunc(2000 / Math.E));
});

it('counts many tasks', () => {
  writeTasks(1, 'S'.repeat(300));
  const probe = attached(source(), tree.target('/a'));
  assert.equal(sampleOf(probe)?.['tasks.sleeping'], 300);
  writeTasks(1, 'R');
  assert.equal(sampleOf(probe)?.['tasks.running'], 1);
});

it('is absent for a container outside of the cpu hierarchy', () => {
  tree.writeCgroup('/a', 'memory', { tasks: '' });
  assert.equal(absent(source(), tree.target('/a')).expected, true);
});
