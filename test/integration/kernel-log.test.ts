import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { it } from 'node:test';
import type { Clock } from '../../src/kernel/contracts/index.js';
import type { OomKill } from '../../src/kernel/events/kernel-log.js';
import { OomWatcher } from '../../src/kernel/events/oom-watcher.js';
import { createClock } from '../../src/kernel/log/index.js';
import { CommonTimer } from '../../src/kernel/timing/index.js';
import { SILENT } from '../support/loggers.js';
import { needs } from '../support/needs.js';

const uptime = () => Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);

/** Writes an OOM report into the real kernel log, as the kernel would. */
function report(container: string): void {
  for (const text of [
    'tallyman-test invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0',
    `oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=${container},task_memcg=${container}/task,task=x,pid=42,uid=0`,
    'Memory cgroup out of memory: Killed process 42 (x) total-vm:8192kB',
  ]) {
    writeFileSync('/dev/kmsg', `<6>${text}\n`);
  }
}

const UNREPORTED = { reportsMemoryEvents: false, onMemoryEvents: () => {} };

/** @returns the first kill in a container below `prefix` that a watcher with this timer reports, which is stopped then */
function firstKill(
  prefix: string,
  clock: Clock,
  timer: Pick<CommonTimer, 'after'>,
  started: (watcher: OomWatcher) => void,
): Promise<{ kill: OomKill; time: number }> {
  return new Promise((resolve) => {
    const onKill = (kill: OomKill, time: number) => {
      if (!kill.limitContainer.startsWith(prefix)) return;
      watcher.stop();
      resolve({ kill, time });
    };
    const parts = { clock, timer, logger: SILENT, uptime, cgroups: UNREPORTED, onKill };
    const watcher = new OomWatcher({ kernelLog: '/dev/kmsg', ...parts });
    assert.equal(watcher.start(), true);
    started(watcher);
  });
}

it('OOM kills are read from the real kernel log, without those before the start', {
  skip: needs('kernel log'),
}, async () => {
  const container = `/tallyman-test-${process.pid}`;
  report(`${container}-before`);
  // The watcher's own timer does not keep the process alive; this one does until the kill was seen.
  const hold = setInterval(() => {}, 1000);
  const clock = createClock();
  const { kill, time } = await firstKill(container, clock, new CommonTimer(clock), () => report(`${container}-after`));
  clearInterval(hold);
  assert.equal(kill.limitContainer, `${container}-after`);
  assert.equal(kill.taskContainer, `${container}-after/task`);
  assert.deepEqual(kill.victim, { pid: 42, processName: 'x', constraint: 'CONSTRAINT_MEMCG' });
  assert.ok(Math.abs(time / 1000 - Date.now()) < 60_000, 'the time is that of the kill, by the wall clock');
});

it('the kernel log is read at once when something shows that there may be a kill', {
  skip: needs('kernel log'),
}, async () => {
  const container = `/tallyman-test-${process.pid}-now`;
  const never = { after: () => () => {} };
  const { kill } = await firstKill(container, createClock(), never, (watcher) => {
    report(container);
    watcher.lookNow();
  });
  assert.equal(kill.limitContainer, container);
});
