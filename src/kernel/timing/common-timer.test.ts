import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, it, type TestContext } from 'node:test';
import { CommonTimer } from './common-timer.js';

/** A timer on a clock that begins at `now`, and moves by `pass`. */
function timerAt({ mock }: TestContext, now: number) {
  mock.timers.enable({ apis: ['setTimeout'] });
  const time = { now };
  const pass = (ms: number) => {
    for (let i = 0; i < ms; i++) {
      time.now++;
      mock.timers.tick(1);
    }
  };
  return { time, pass, timer: new CommonTimer({ now: () => time.now * 1000, monotonic: () => time.now }) };
}

describe('a common timer', () => {
  it('calls back at multiples of 250 ms, whenever it was asked to', (t) => {
    const { time, pass, timer } = timerAt(t, 1_107);
    const calls: string[] = [];
    timer.every(250, () => calls.push(`a ${time.now}`));
    pass(100);
    timer.every(750, () => calls.push(`b ${time.now}`));
    pass(800);
    assert.deepEqual(calls, ['a 1250', 'a 1500', 'a 1750', 'b 2000', 'a 2000']);
  });

  it('calls back at whole and half seconds after a wait of such', (t) => {
    const { time, pass, timer } = timerAt(t, 1_607);
    const calls: string[] = [];
    timer.every(1_000, () => calls.push(`a ${time.now}`));
    pass(100);
    timer.after(2_000, () => calls.push(`b ${time.now}`));
    timer.after(1_500, () => calls.push(`c ${time.now}`));
    pass(2_500);
    assert.deepEqual(calls, ['a 3000', 'c 3000', 'b 4000', 'a 4000']);
  });

  it('calls back at multiples of 125 ms when asked to more often', (t) => {
    const { time, pass, timer } = timerAt(t, 1_107);
    const calls: number[] = [];
    timer.every(125, () => calls.push(time.now));
    pass(400);
    assert.deepEqual(calls, [1_250, 1_375, 1_500]);
  });

  it('keeps shorter waits exactly', (t) => {
    const { time, pass, timer } = timerAt(t, 1_107);
    const calls: number[] = [];
    timer.after(30, () => calls.push(time.now));
    timer.after(0, () => calls.push(time.now));
    pass(100);
    assert.deepEqual(calls, [1_108, 1_137]);
  });

  it('calls nobody who cancelled, even at the same moment', (t) => {
    const { pass, timer } = timerAt(t, 0);
    const calls: string[] = [];
    timer.every(250, () => {
      calls.push('first');
      cancel();
    });
    const cancel = timer.every(250, () => calls.push('second'));
    timer.after(250, () => calls.push('once'))();
    pass(500);
    assert.deepEqual(calls, ['first', 'first']);
  });

  it('goes on after a call that throws, with the others of that moment and with the same call', (t) => {
    const { pass, timer } = timerAt(t, 0);
    let failing = 0;
    let others = 0;
    timer.every(250, () => {
      failing++;
      throw new Error('expected');
    });
    timer.every(250, () => others++);
    for (let i = 0; i < 4; i++) {
      assert.throws(() => pass(250), /expected/);
      pass(2);
    }
    assert.deepEqual([failing, others], [4, 4]);
  });

  it('calls back in the context in which it was created, not in that of the first who asked', (t) => {
    const storage = new AsyncLocalStorage<string>();
    const { pass, timer } = timerAt(t, 0);
    const seen: unknown[] = [];
    storage.run('plugin', () => timer.after(250, () => seen.push(storage.getStore())));
    pass(250);
    assert.deepEqual(seen, [undefined]);
  });
});
