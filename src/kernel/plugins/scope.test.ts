import assert from 'node:assert/strict';
import { it } from 'node:test';
import { PluginRecord } from '../supervision/index.js';
import { PluginScope } from './scope.js';

/** A scope, and what its calls are called. */
function fixture() {
  const calls: string[] = [];
  const attempt = async <T>(_record: PluginRecord, what: string, call: () => T | Promise<T>) => {
    calls.push(what);
    return call();
  };
  return { calls, scope: new PluginScope({ attempt }, new PluginRecord('a', 'a', 'a', 'retry')) };
}

it('each tick of a repeating timer is one supervised call with its name', async (t) => {
  const { calls, scope } = fixture();
  t.after(() => scope.dispose());
  let rounds = 0;
  await new Promise<void>((resolve) => {
    const stop = scope.every(
      1,
      () => {
        if (++rounds < 2) throw new Error('no end of the timer');
        stop();
        resolve();
      },
      'push',
    );
  });
  assert.deepEqual(calls, ['push', 'push']);
});

it('a one-shot timer is a supervised call', async () => {
  const { calls, scope } = fixture();
  await new Promise<void>((resolve) => {
    scope.after(1, resolve);
  });
  assert.deepEqual(calls, ['timer']);
});

it('a stretched repeating timer calls back less often, but every two minutes at least', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const record = new PluginRecord('a', 'a', 'a', 'retry');
  const scope = new PluginScope({ attempt: async (_record, _what, call) => call() }, record);
  const rounds = { often: 0, rarely: 0 };
  scope.every(180_000, () => void rounds.rarely++);
  assert.equal(record.timerPace?.isCheaperWhenStretched, false);
  const stop = scope.every(20_000, () => void rounds.often++);
  assert.equal(record.timerPace?.intervalMs, 20_000);
  const pass = async (seconds: number) => {
    const before = { ...rounds };
    for (let i = 0; i < seconds; i++) {
      t.mock.timers.tick(1000);
      await new Promise((resolve) => process.nextTick(resolve));
    }
    return [rounds.often - before.often, rounds.rarely - before.rarely];
  };
  assert.deepEqual(await pass(360), [18, 2]);
  record.timerPace.stretch = 4;
  await pass(20);
  assert.deepEqual(await pass(360), [4, 2]);
  record.timerPace.stretch = 16;
  await pass(80);
  assert.deepEqual(await pass(360), [3, 2]);
  stop();
  assert.equal(record.timerPace.isCheaperWhenStretched, false);
  scope.dispose();
  assert.equal(record.timerPace, undefined);
});

it('no timer runs or starts after the plugin has stopped', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { calls, scope } = fixture();
  scope.every(10, () => {});
  scope.after(10, () => {});
  scope.dispose();
  scope.every(10, () => {});
  scope.after(10, () => {});
  t.mock.timers.tick(100);
  assert.equal(scope.signal.aborted, true);
  assert.deepEqual(calls, []);
});
