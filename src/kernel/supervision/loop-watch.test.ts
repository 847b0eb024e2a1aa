import assert from 'node:assert/strict';
import { it } from 'node:test';
import { loggerTo } from '../../../test/support/loggers.js';
import { LoopWatch } from './loop-watch.js';

function fixture() {
  const time = { monotonic: 0, cpu: 0 };
  const supervisor = { heldFor: 0 };
  const lines: string[] = [];
  const logger = loggerTo(lines);
  const watch = new LoopWatch(supervisor, logger, { monotonic: () => time.monotonic, cpu: () => time.cpu });
  watch.start();
  watch.stop();
  /** A look that comes so much late, after so much CPU time and so long in calls that block. */
  const look = (late: number, cpu: number, held = 0) => {
    time.monotonic += 1000 + late;
    time.cpu += cpu;
    supervisor.heldFor += held;
    watch.look();
    return lines.splice(0);
  };
  return { look, time, settle: () => Array.from({ length: 10 }, () => look(900, 900)).flat() };
}

it('a loop that is on time, or that a plugin is blamed for already, is not worth a word', () => {
  const { look, settle } = fixture();
  assert.deepEqual(settle(), [], 'at the start everything takes its time');
  assert.deepEqual(look(0, 10), []);
  assert.deepEqual(look(499, 499), []);
  assert.deepEqual(look(900, 900, 800), []);
});

it('work outside of calls is told apart from a process that did not run; each is said once', () => {
  const { look, time, settle } = fixture();
  settle();
  assert.deepEqual(look(900, 800), ['the agent was busy for 900 ms without a pause, in no call into a plugin']);
  assert.deepEqual(look(5000, 20), ['the agent stood still for 5000 ms, of which it worked for 20 ms']);
  assert.deepEqual([...look(700, 690), ...look(800, 3)], []);
  time.monotonic += 600_000;
  look(0, 0);
  assert.equal(look(900, 890).length, 1);
});
