import assert from 'node:assert/strict';
import { it } from 'node:test';
import { eventSource } from '../../../../test/support/exposition.js';
import { OomKills } from './oom-kills.js';

function counting() {
  const { log, tell } = eventSource();
  const kills = new OomKills(log, new AbortController().signal);
  const kill = (containerName: string) => tell({ containerName, time: 0, type: 'oom' });
  return { kills, kill };
}

it('counts a kill once, whether its event or the kernel’s counter comes first', () => {
  const { kills, kill } = counting();
  const cgroup = {};
  kills.observe('/a', cgroup, 0);
  kill('/a');
  assert.equal(kills.total('/a'), 1);
  kills.observe('/a', cgroup, 1);
  assert.equal(kills.total('/a'), 1);
  kills.observe('/a', cgroup, 2);
  assert.equal(kills.total('/a'), 2);
  kill('/a');
  assert.equal(kills.total('/a'), 2);
});

it('counts kills before the agent started, and those that ended a cgroup', () => {
  const { kills, kill } = counting();
  kills.observe('/a', {}, 5);
  kill('/a');
  assert.equal(kills.total('/a'), 6, 'the last kill took the cgroup with it');
  kills.observe('/a', {}, 0);
  assert.equal(kills.total('/a'), 6, 'started again');
  kill('/a');
  assert.equal(kills.total('/a'), 7);
});

it('keeps nothing for a container without kills, and drops one that was not shown for long', () => {
  const { kills, kill } = counting();
  kills.observe('/a', {}, 0);
  assert.equal(kills.total('/a'), 0);
  kill('/b');
  kills.keep(() => false, 0);
  assert.equal(kills.total('/b'), 1);
  kills.keep(() => true, 500_000);
  kills.keep(() => false, 900_000);
  assert.equal(kills.total('/b'), 1);
  kills.keep(() => false, 1_200_000);
  assert.equal(kills.total('/b'), 0);
});
