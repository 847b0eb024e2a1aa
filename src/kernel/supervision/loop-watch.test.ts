import assert from 'node:assert/strict';
import { it } from 'node:test';
import { loggerTo } from '../../../test/support/loggers.js';
import { createClock } from '../log/index.js';
import { CommonTimer } from '../timing/index.js';
import { LoopWatch } from './loop-watch.js';

function fixture() {
  const time = { monotonic: 0, cpu: 0 };
  const supervisor = { blockedMs: 0 };
  const lines: string[] = [];
  const logger = loggerTo(lines);
  const watch = new LoopWatch(supervisor, logger, new CommonTimer(createClock()), {
    monotonic: () => time.monotonic,
    cpu: () => time.cpu,
  });
  watch.start();
  watch.stop();
  /** A check that is late by so many ms, with CPU time and time of blocking calls in between. */
  const check = (late: number, cpu: number, held = 0) => {
    time.monotonic += 1000 + late;
    time.cpu += cpu;
    supervisor.blockedMs += held;
    watch.check();
    return lines.splice(0);
  };
  return { check, time, settle: () => Array.from({ length: 10 }, () => check(900, 900)).flat() };
}

it('logs nothing for a loop that is on time, or whose delay was attributed to a plugin', () => {
  const { check, settle } = fixture();
  assert.deepEqual(settle(), [], 'starting takes time');
  assert.deepEqual(check(0, 10), []);
  assert.deepEqual(check(499, 499), []);
  assert.deepEqual(check(900, 900, 800), []);
});

it('distinguishes work outside of calls from a process that did not run, and logs each once', () => {
  const { check, time, settle } = fixture();
  settle();
  assert.deepEqual(check(900, 800), ['the agent was busy for 900 ms without yielding, outside of calls into plugins']);
  assert.deepEqual(check(5000, 20), ['the agent was blocked for 5000 ms, of which it used the CPU for 20 ms']);
  assert.deepEqual([...check(700, 690), ...check(800, 3)], []);
  time.monotonic += 600_000;
  check(0, 0);
  assert.equal(check(900, 890).length, 1);
});
