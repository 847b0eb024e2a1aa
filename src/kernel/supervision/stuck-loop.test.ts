import assert from 'node:assert/strict';
import { it } from 'node:test';
import { StuckLoop, TIME } from './stuck-loop.js';

const NOW = new Date('2026-11-25T11:22:33.444Z');

function fixture() {
  const loop = new StuckLoop();
  loop.lines = new Map([
    [0, `${TIME} the agent`],
    [7, `${TIME.slice(11, 19)} plugin seven`],
  ]);
  let beats = 0;
  const looks = (count: number, current: number, beating = false) =>
    Array.from({ length: count }, () => loop.check(beating ? ++beats : beats, current, NOW)).filter(
      (line) => line !== undefined,
    );
  return { looks, loop };
}

it('an event loop that is on time is not logged', () => {
  assert.deepEqual(fixture().looks(100, 7, true), []);
});

it('a blocked event loop is logged once with its duration and plugin, and again after it recovered', () => {
  const { looks } = fixture();
  assert.deepEqual(looks(5, 7), []);
  assert.deepEqual(looks(100, 7), ['11:22:33 plugin seven']);
  assert.deepEqual(looks(1, 7, true), []);
  assert.deepEqual(looks(100, 0), ['2026-11-25T11:22:33.444Z the agent']);
});

it('a block outside of plugin calls is attributed to the agent', () => {
  assert.deepEqual(fixture().looks(100, 3), ['2026-11-25T11:22:33.444Z the agent']);
});
