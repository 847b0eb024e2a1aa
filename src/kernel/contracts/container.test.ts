import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type ContainerState, startTime } from './container.js';

const SECOND = 1_000_000;

function started(state: Partial<ContainerState>, createdAt: number, cgroupCreatedAt: number): number {
  const description = { aliases: [], labels: {}, envs: {}, networkMode: 'none' } as const;
  return startTime({ ...description, state: { status: 'running', ...state } }, createdAt, cgroupCreatedAt) / SECOND;
}

it('the start of a container is the creation of its cgroup, not the time that its engine reports', () => {
  assert.equal(started({ startedAt: 10.2 * SECOND }, 9.5 * SECOND, 9.6 * SECOND), 9.6);
  const restarted = { startedAt: 60.2 * SECOND, finishedAt: 59 * SECOND };
  assert.equal(started(restarted, 9.5 * SECOND, 59.9 * SECOND), 59.9);
});

it('a cgroup that was created before the run or after its start is ignored', () => {
  assert.equal(started({ startedAt: 10.2 * SECOND }, 9.5 * SECOND, 3 * SECOND), 10.2);
  assert.equal(started({ startedAt: 60.2 * SECOND, finishedAt: 59 * SECOND }, 9.5 * SECOND, 9.6 * SECOND), 60.2);
  assert.equal(started({ startedAt: 10.2 * SECOND }, 9.5 * SECOND, 12 * SECOND), 10.2);
  assert.equal(started({ startedAt: 10.2 * SECOND }, 9.5 * SECOND, 0), 10.2);
  assert.equal(started({ startedAt: 10.2 * SECOND }, 0, 3 * SECOND), 10.2);
});

it('without a start the creation time is used', () => {
  assert.equal(started({}, 9.5 * SECOND, 9.6 * SECOND), 9.5);
  assert.equal(started({}, 0, 0), 0);
});
