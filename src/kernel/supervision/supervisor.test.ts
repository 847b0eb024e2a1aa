import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { until } from '../../../test/support/discovery.js';
import { loggerTo } from '../../../test/support/loggers.js';
import { entry, pluginBench, pluginNamed, SOURCE } from '../../../test/support/plugin-bench.js';
import { Supervisor } from './index.js';
import { PluginRecord } from './record.js';
import { RunQueue } from './run-queue.js';

describe('Supervisor', () => {
  it('opens the circuit breaker after faults, closes it after a success, and limits log lines', async () => {
    const { host, supervisor, sources, lines } = pluginBench({ a: async () => pluginNamed('a', () => SOURCE) });
    await host.load([entry('a')], sources);
    await host.start();
    const record = supervisor.get('a')!;
    let calls = 0;
    const fail = () => {
      calls++;
      throw new Error('boom');
    };
    for (let i = 0; i < 100; i++) supervisor.guard(record, 'sample', fail);
    assert.equal(calls, 20);
    assert.equal(record.status().state, 'open');
    assert.equal(record.status().up, false);
    assert.equal(lines.filter((line) => line.includes('boom')).length, 1);
    record.succeeded(1);
    assert.equal(record.status().state, 'running');
    await host.stop();
  });

  it('does not count a thrown HTTP status as a fault, also one of another copy of the contract', async () => {
    const { host, supervisor, sources } = pluginBench({ a: async () => pluginNamed('a', () => SOURCE) });
    await host.load([entry('a')], sources);
    await host.start();
    const record = supervisor.get('a')!;
    const answer = Object.assign(new Error('no such thing'), { name: 'RequestError', status: 404 });
    const ask = () =>
      supervisor.call(record, 'a request', () => {
        throw answer;
      });
    assert.throws(ask, answer);
    assert.equal(record.status().errors, 0);
    await host.stop();
  });

  it('closes the circuit breaker after a call whose promise is fulfilled, and not after one that is rejected', async () => {
    const { host, supervisor, sources } = pluginBench({ a: async () => pluginNamed('a', () => SOURCE) });
    await host.load([entry('a')], sources);
    await host.start();
    const record = supervisor.get('a')!;
    const ask = (answer: Promise<string>) => supervisor.callOf('a', 'a request', () => answer);
    for (let i = 0; i < 30; i++) {
      await assert.rejects(ask(Promise.reject(new Error('boom'))), /boom/);
      if (i % 10 === 9) assert.equal(await ask(Promise.resolve('fine')), 'fine');
    }
    assert.equal(record.state, 'running', 'no twenty faults were in a row');
    for (let i = 0; i < 20; i++) await assert.rejects(ask(Promise.reject(new Error('boom'))), /boom/);
    assert.equal(record.state, 'open');
    await host.stop();
  });

  it('counts failing timers as faults that do not pause the plugin', async (t) => {
    const { host, supervisor, sources, lines } = pluginBench({
      a: async () =>
        pluginNamed('a', ({ timers }) => {
          timers.every(1, () => {
            throw new Error('boom');
          });
          return SOURCE;
        }),
    });
    await host.load([entry('a')], sources);
    t.after(() => host.stop());
    await host.start();
    const record = supervisor.get('a')!;
    const started = record.lastSuccessAt;
    await until(
      () => record.errors > 30,
      () => lines.join('\n'),
    );
    assert.deepEqual([record.state, record.lastSuccessAt], ['running', started]);
    assert.ok(record.calls - record.errors <= 2, 'each round is one call: the others are create and start');
    assert.ok(!lines.some((line) => line.includes('is paused')));
  });

  it('counts blocking calls and logs them once', async () => {
    const time = { now: 0 };
    const lines: string[] = [];
    const clock = { now: () => 1e15 + time.now * 1000, monotonic: () => time.now };
    const supervisor = new Supervisor(clock, loggerTo(lines), new RunQueue(() => 0));
    const record = new PluginRecord('a', 'a', 'a', 'retry');
    supervisor.add(record);
    const wait = (ms: number) => () => {
      time.now += ms;
    };
    supervisor.guard(record, 'sample', wait(499));
    assert.deepEqual([record.blocked, supervisor.lastBlocking()], [undefined, undefined]);
    for (const ms of [700, 500]) supervisor.guard(record, 'sample', wait(ms));
    await supervisor.attempt(record, 'timer', wait(600));
    const last = { what: 'timer', at: 1e15 + 2_299_000, ms: 600 };
    assert.deepEqual(record.status().blocked, { count: 3, totalMs: 1800, longestMs: 700, last });
    assert.deepEqual(lines, [
      'plugin a blocked the agent for 700 ms in sample',
      'plugin a blocked the agent for 600 ms in timer',
    ]);
    assert.equal(supervisor.blockedMs, 1800);
    assert.match(supervisor.lastBlocking()!, /^plugin a blocked the agent for 600 ms in timer until 2001-/);
  });

  it('attributes a call that got no CPU to the host, once', () => {
    const time = { now: 0, waited: 0 };
    const lines: string[] = [];
    const clock = { now: () => 1e15, monotonic: () => time.now };
    const supervisor = new Supervisor(clock, loggerTo(lines), new RunQueue(() => time.waited));
    const record = new PluginRecord('a', 'a', 'a', 'retry');
    supervisor.add(record);
    const call = (busy: number, waiting: number) =>
      supervisor.guard(record, 'sample', () => {
        time.now += busy + waiting;
        time.waited += waiting;
      });
    call(1, 300);
    call(31, 700);
    call(10, 900);
    assert.deepEqual([record.blocked, lines], [undefined, ['the host gave the agent no CPU for 700 of 731 ms']]);
    call(600, 700);
    assert.equal(record.blocked?.longestMs, 600);
    assert.equal(lines[1], 'plugin a blocked the agent for 600 ms in sample');
  });

  it('does not start a source with incomplete fields, and says what is missing', async () => {
    const whole = { name: 'a.b', unit: 'count', kind: 'gauge', help: 'x', source: { any: 'x' } };
    const cases = [
      [undefined, /plugin a has no list of fields/],
      [[3], /declares field 0, which is not an object/],
      [[whole, { ...whole, name: undefined }], /declares field 1 without name/],
      [[{ ...whole, help: undefined }], /declares field a\.b without help/],
      [[{ ...whole, kind: 'timer' }], /declares field a\.b with a kind that is none of counter, gauge/],
      [[{ ...whole, source: undefined }], /declares field a\.b without source/],
      [[{ ...whole, role: 'cpu' }], /declares field a\.b with a role that is none of cpu-time, working-set, oom-kills/],
      [
        [{ ...whole, role: 'cpu-time', unit: 'bytes' }],
        /declares field a\.b with the role cpu-time, which is in nanoseconds/,
      ],
    ] as const;
    for (const [fields, expected] of cases) {
      const { host, supervisor, sources, lines } = pluginBench({
        a: async () => pluginNamed('a', () => ({ ...SOURCE, fields }) as never),
      });
      await host.load([entry('a')], sources);
      await host.start();
      assert.equal(supervisor.get('a')!.state, 'failed');
      assert.match(lines.join(), expected);
      assert.match(supervisor.get('a')!.lastError!, expected);
      await host.stop();
    }
  });

  it('logs alternating faults once each', async () => {
    const { host, supervisor, sources, lines } = pluginBench({ a: async () => pluginNamed('a', () => SOURCE) });
    await host.load([entry('a')], sources);
    const record = supervisor.get('a')!;
    for (let i = 0; i < 100; i++) supervisor.fault(record, 'sample', new Error(i % 2 === 0 ? 'even' : `odd ${i}`));
    assert.equal(lines.filter((line) => line.includes('even')).length, 1);
    assert.equal(lines.filter((line) => line.includes('odd')).length, 1);
    assert.equal(record.errors, 100);
  });

  it('attributes an uncaught error to its plugin', async () => {
    const { host, supervisor, sources } = pluginBench({ a: async () => pluginNamed('a', () => SOURCE) });
    await host.load([entry('a')], sources);
    const record = supervisor.get('a')!;
    const origin = await supervisor.runAs(record, async () => {
      await null;
      return supervisor.originOf(new Error('x'));
    });
    assert.equal(origin, record);
    assert.equal(supervisor.originOf(new Error('x')), undefined);
    record.loadedFrom('file:///p/index.js');
    const foreign = new Error('x');
    foreign.stack = 'Error: x\n    at f (file:///p/index.js:1:1)';
    assert.equal(supervisor.originOf(foreign), record);
  });
});
