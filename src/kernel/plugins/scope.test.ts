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
