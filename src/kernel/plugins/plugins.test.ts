import 'reflect-metadata';
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { container as rootContainer } from 'tsyringe';
import {
  type AgentView,
  type Clock,
  definePlugin,
  type LinuxHost,
  type Logger,
  type MetricSource,
  PLUGIN_API_VERSION,
  type PluginContext,
  type TallymanError,
  z,
} from '../contracts/index.js';
import { type ActivePlugin, PLUGIN_TOKENS, type PluginEntry, PluginHost, Supervisor } from './index.js';
import { checkPlugin, loadPlugin } from './loader.js';
import { PluginRecord } from './record.js';

const SOURCE: MetricSource = { fields: [], part: 'other', attach: () => ({ absent: 'nothing' }) };

function pluginNamed(name: string, create: (context: PluginContext) => MetricSource) {
  return definePlugin({
    kind: 'metric-source',
    name,
    apiVersion: PLUGIN_API_VERSION,
    description: 'for tests',
    configSchema: z.strictObject({ size: z.number().default(1) }),
    create: (context) => create(context),
  });
}

function fixture(plugins: Record<string, () => Promise<unknown>>) {
  const lines: string[] = [];
  const say = (message: string) => void lines.push(message);
  const logger: Logger = { debug: say, info: say, warn: say, error: say };
  const clock: Clock = { now: () => Date.now() * 1000, monotonic: () => performance.now() };
  const root = rootContainer.createChildContainer();
  const supervisor = new Supervisor(clock, logger);
  root.register(PLUGIN_TOKENS.supervisor, { useValue: supervisor });
  root.register(PLUGIN_TOKENS.clock, { useValue: clock });
  root.register(PLUGIN_TOKENS.logger, { useValue: () => logger });
  root.register(PLUGIN_TOKENS.linux, { useValue: {} as LinuxHost });
  root.register(PLUGIN_TOKENS.view, { useValue: {} as AgentView });
  const activated: string[] = [];
  const registrar = { reconsider: () => {}, reconsiderAll: () => {} };
  const waiting = new Map<string, () => void>();
  const listener = {
    activated: ({ record }: ActivePlugin) => {
      activated.push(record.id);
      waiting.get(record.id)?.();
    },
    deactivated: ({ record }: ActivePlugin) => void activated.push(`-${record.id}`),
  };
  const host = new PluginHost(root, supervisor, logger, listener, () => registrar);
  const sources = { builtins: plugins, baseDir: '/nonexistent', assertTrusted: () => {} };
  const whenActive = (id: string) => new Promise<void>((resolve) => waiting.set(id, resolve));
  return { host, supervisor, lines, activated, sources, whenActive };
}

function entry(use: string, options: Partial<PluginEntry> = {}): PluginEntry {
  return { use, with: {}, onError: 'ignore', startTimeout: 1000, ...options };
}

describe('loading', () => {
  test('a plugin is known by brand and contract version, not by class', () => {
    const plain = {
      $tallyman: 'plugin',
      kind: 'endpoint',
      name: 'x',
      apiVersion: 1,
      configSchema: z.any(),
      create: () => ({ routes: {} }),
    };
    assert.equal(checkPlugin({ default: plain }, 'x'), plain);
    assert.equal(checkPlugin({ default: { default: plain } }, 'x'), plain);
    assert.throws(() => checkPlugin({}, 'x'), /does not export a plugin/);
    assert.throws(() => checkPlugin({ ...plain, apiVersion: 2 }, 'x'), /written for plugin API 2/);
    assert.throws(() => checkPlugin({ ...plain, kind: 'sauce' }, 'x'), /unknown kind "sauce"/);
    assert.throws(() => checkPlugin({ ...plain, configSchema: {} }, 'x'), /configSchema/);
  });

  const directory = mkdtempSync(join(tmpdir(), 'tallyman-plugins-'));
  after(() => rmSync(directory, { recursive: true }));
  const body = `{ $tallyman: 'plugin', kind: 'endpoint', name: 'demo', apiVersion: 1, configSchema: { safeParse: (data) => ({ success: true, data }) }, create: () => ({ routes: {} }) }`;
  writeFileSync(join(directory, 'esm.mjs'), `export default ${body};`);
  writeFileSync(join(directory, 'common.cjs'), `module.exports = ${body};`);
  writeFileSync(join(directory, 'broken.mjs'), 'throw new Error("at import");');
  mkdirSync(join(directory, 'node_modules/only-import'), { recursive: true });
  writeFileSync(
    join(directory, 'node_modules/only-import/package.json'),
    JSON.stringify({ name: 'only-import', type: 'module', exports: { import: './index.js' } }),
  );
  writeFileSync(join(directory, 'node_modules/only-import/index.js'), `export default ${body};`);
  const folder = (name: string, manifest: string) => {
    mkdirSync(join(directory, name));
    writeFileSync(join(directory, name, 'package.json'), manifest);
    writeFileSync(join(directory, name, 'main.mjs'), `export default ${body};`);
  };
  folder('by-main', JSON.stringify({ main: 'main.mjs' }));
  folder('by-exports', JSON.stringify({ name: 'by-exports', exports: { '.': { default: './main.mjs' } } }));
  folder('unbuilt', JSON.stringify({ name: 'unbuilt', exports: './dist/index.js' }));
  folder('odd', '{');
  mkdirSync(join(directory, 'bare'));
  writeFileSync(join(directory, 'bare/index.cjs'), `module.exports = ${body};`);
  const sources = { builtins: {}, baseDir: directory, assertTrusted: () => {} };

  const uses = [
    './esm.mjs',
    './common.cjs',
    'only-import',
    join(directory, 'esm.mjs'),
    './by-main',
    './by-exports/',
    './bare',
  ];
  for (const use of uses) {
    test(`from ${use.replace(directory, '<dir>')}`, async () => {
      assert.equal((await loadPlugin(use, sources)).plugin.name, 'demo');
    });
  }

  test('what cannot be loaded says what and why', async () => {
    await assert.rejects(loadPlugin('./broken.mjs', sources), /"\.\/broken\.mjs" could not be loaded .*at import/);
    await assert.rejects(loadPlugin('./missing.mjs', sources), /nor a module that exists/);
    await assert.rejects(loadPlugin('no-such-package', sources), /neither built in nor an installed package/);
    await assert.rejects(loadPlugin('./odd', sources), /"\.\/odd" is a folder whose package\.json names no module/);
    const { message, hint } = (await loadPlugin('./unbuilt', sources).catch(
      (error: TallymanError) => error,
    )) as TallymanError;
    assert.match(`${message} ${hint}`, /nor a module that exists: .*unbuilt\/dist\/index\.js .*npm run build/);
    const refuse = () => {
      throw new Error('others can write it');
    };
    await assert.rejects(loadPlugin('./esm.mjs', { ...sources, assertTrusted: refuse }), /others can write it/);
    const refuseManifest = (path: string) => void (path.endsWith('package.json') && refuse());
    await assert.rejects(loadPlugin('./by-main', { ...sources, assertTrusted: refuseManifest }), /others can write it/);
  });
});

describe('life', () => {
  test('plugins start in order, stop in reverse, and their timers and signal end with them', async () => {
    const stopped: string[] = [];
    let signal: AbortSignal | undefined;
    const make = (name: string) => async () =>
      pluginNamed(name, (context) => {
        signal = context.signal;
        context.timers.every(1, () => {});
        return { ...SOURCE, stop: () => void stopped.push(name) };
      });
    const { host, activated, sources } = fixture({ a: make('a'), b: make('b') });
    await host.load([entry('a'), entry('b'), entry('a')], sources);
    await host.start();
    assert.deepEqual(activated, ['a', 'b', 'a#2']);
    assert.equal(host.active('metric-source').length, 3);
    await host.stop();
    assert.deepEqual(stopped, ['a', 'b', 'a']);
    assert.equal(signal?.aborted, true);
    assert.ok(host.statuses().every(({ state }) => state === 'stopped'));
  });

  test('a start that hangs is named and costs only its plugin', async () => {
    const hangs = async () => pluginNamed('hangs', () => ({ ...SOURCE, start: () => new Promise<void>(() => {}) }));
    const { host, sources, activated } = fixture({ hangs, fine: async () => pluginNamed('fine', () => SOURCE) });
    await host.load([entry('hangs', { startTimeout: 5 }), entry('fine')], sources);
    await host.start();
    assert.deepEqual(activated, ['fine']);
    const [status] = host.statuses();
    assert.equal(status?.state, 'failed');
    assert.match(status?.lastError ?? '', /plugin hangs did not start within 5 ms/);
    await host.stop();
  });

  test('onError: fail stops the agent, retry goes on until it works', async () => {
    let tries = 0;
    const late = async () =>
      pluginNamed('late', () => {
        if (++tries < 2) throw new Error('not yet');
        return SOURCE;
      });
    const first = fixture({ late });
    await first.host.load([entry('late', { onError: 'fail' })], first.sources);
    await assert.rejects(first.host.start(), /not yet/);

    tries = 0;
    const second = fixture({ late });
    await second.host.load([entry('late', { onError: 'retry' })], second.sources);
    const active = second.whenActive('late');
    await second.host.start();
    assert.equal(second.host.statuses()[0]?.state, 'retrying');
    await active;
    assert.equal(second.host.statuses()[0]?.up, true);
    await second.host.stop();
  });

  test('bad options and unknown plugins do not take the others along', async () => {
    const { host, sources, activated } = fixture({ fine: async () => pluginNamed('fine', () => SOURCE) });
    await host.load([entry('fine', { id: 'bad', with: { size: 'x' } }), entry('nonsense'), entry('fine')], sources);
    await host.start();
    assert.deepEqual(activated, ['fine']);
    assert.deepEqual(
      host.statuses().map(({ id, state, kind }) => [id, state, kind]),
      [
        ['bad', 'failed', 'metric-source'],
        ['nonsense', 'failed', undefined],
        ['fine', 'running', 'metric-source'],
      ],
    );
    await host.stop();
  });
});

describe('supervision', () => {
  test('faults open the circuit breaker, a good call closes it, and the log is not flooded', async () => {
    const { host, supervisor, sources, lines } = fixture({ a: async () => pluginNamed('a', () => SOURCE) });
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

  test('a call that keeps everything waiting is named, once, and counted', async () => {
    const time = { now: 0 };
    const lines: string[] = [];
    const say = (message: string) => void lines.push(message);
    const clock = { now: () => 1e15 + time.now * 1000, monotonic: () => time.now };
    const supervisor = new Supervisor(clock, { debug: say, info: say, warn: say, error: say });
    const record = new PluginRecord('a', 'a', 'a', 'retry');
    supervisor.add(record);
    const wait = (ms: number) => () => {
      time.now += ms;
    };
    supervisor.guard(record, 'sample', wait(499));
    assert.deepEqual([record.blocked, supervisor.lastHoldUp()], [undefined, undefined]);
    for (const ms of [700, 500]) supervisor.guard(record, 'sample', wait(ms));
    await supervisor.attempt(record, 'timer', wait(600));
    const last = { what: 'timer', at: 1e15 + 2_299_000, ms: 600 };
    assert.deepEqual(record.status().blocked, { count: 3, totalMs: 1800, longestMs: 700, last });
    assert.deepEqual(lines, [
      'plugin a kept everything else waiting for 700 ms, in sample',
      'plugin a kept everything else waiting for 600 ms, in timer',
    ]);
    assert.equal(supervisor.heldFor, 1800);
    assert.match(supervisor.lastHoldUp()!, /^plugin a kept everything waiting for 600 ms in timer until 2001-/);
  });

  test('a source whose fields lack something does not start, and says what', async () => {
    const whole = { name: 'a.b', unit: 'count', kind: 'gauge', help: 'x', source: { any: 'x' } };
    const cases = [
      [undefined, /plugin a has no list of fields/],
      [[3], /declares as field 0 what is none/],
      [[whole, { ...whole, name: undefined }], /declares field 1 without name/],
      [[{ ...whole, help: undefined }], /declares field a\.b without help/],
      [[{ ...whole, kind: 'timer' }], /declares field a\.b with a kind that is none of counter, gauge/],
      [[{ ...whole, source: undefined }], /declares field a\.b without source/],
    ] as const;
    for (const [fields, expected] of cases) {
      const { host, supervisor, sources, lines } = fixture({
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

  test('faults that take turns are logged once each', async () => {
    const { host, supervisor, sources, lines } = fixture({ a: async () => pluginNamed('a', () => SOURCE) });
    await host.load([entry('a')], sources);
    const record = supervisor.get('a')!;
    for (let i = 0; i < 100; i++) supervisor.fault(record, 'sample', new Error(i % 2 === 0 ? 'even' : `odd ${i}`));
    assert.equal(lines.filter((line) => line.includes('even')).length, 1);
    assert.equal(lines.filter((line) => line.includes('odd')).length, 1);
    assert.equal(record.errors, 100);
  });

  test('an error that escapes is attributed to the plugin it came from', async () => {
    const { host, supervisor, sources } = fixture({ a: async () => pluginNamed('a', () => SOURCE) });
    await host.load([entry('a')], sources);
    const record = supervisor.get('a')!;
    const culprit = await supervisor.runAs(record, async () => {
      await null;
      return supervisor.culprit(new Error('x'));
    });
    assert.equal(culprit, record);
    assert.equal(supervisor.culprit(new Error('x')), undefined);
    record.loadedFrom('file:///p/index.js');
    const foreign = new Error('x');
    foreign.stack = 'Error: x\n    at f (file:///p/index.js:1:1)';
    assert.equal(supervisor.culprit(foreign), record);
  });
});

describe('other entries', () => {
  /** A host with plugins that note their life. */
  async function running(entries: readonly PluginEntry[], fails: { plugin?: string } = {}) {
    const life: string[] = [];
    let instances = 0;
    const make = (name: string) => async () =>
      definePlugin({
        kind: name === 'handler' ? 'container-handler' : 'metric-source',
        name,
        apiVersion: PLUGIN_API_VERSION,
        description: 'for tests',
        configSchema: z.looseObject({}),
        create: (): never => {
          const number = ++instances;
          const instance = {
            ...SOURCE,
            identify: () => ({ verdict: 'pass' }),
            start: async () => {
              if (fails.plugin === name) throw new Error('no');
              life.push(`start ${name} ${number}`);
            },
            stop: () => void life.push(`stop ${name} ${number}`),
          };
          return instance as never;
        },
      });
    const made = fixture({ a: make('a'), b: make('b'), handler: make('handler') });
    await made.host.load(entries, made.sources);
    await made.host.start();
    life.length = 0;
    made.activated.length = 0;
    return { ...made, life, change: (next: readonly PluginEntry[]) => made.host.reconfigure(next, made.sources) };
  }

  test('start and stop alone; the others do not notice', async () => {
    const { host, life, change, activated, supervisor } = await running([entry('a'), entry('handler')]);
    await change([entry('b'), entry('a')]);
    assert.deepEqual(life, ['stop handler 2', 'start b 3']);
    assert.deepEqual(activated, ['-handler', 'b']);
    assert.equal(supervisor.get('handler'), undefined);
    assert.deepEqual(
      host.active('metric-source').map(({ record }) => record.id),
      ['b', 'a'],
    );
    await change([entry('b'), entry('a')]);
    assert.equal(life.length, 2);
    await host.stop();
  });

  test('a changed one goes on until its successor has started, and keeps its place and name', async () => {
    const { host, life, change, activated } = await running([entry('handler'), entry('a'), entry('b')]);
    await change([entry('handler', { with: { x: 1 } }), entry('a', { with: { y: 1 } }), entry('b')]);
    assert.deepEqual(life, ['start handler 4', 'stop handler 3', 'start a 5', 'stop a 1']);
    assert.deepEqual(activated, ['-handler', 'handler', '-a', 'a']);
    const active = [...host.active('metric-source'), ...host.active('container-handler')];
    assert.deepEqual(
      active.map(({ record }) => record.id),
      ['a', 'b', 'handler'],
    );
    await host.stop();
  });

  test('one that must not fail and does leaves the one before running', async () => {
    const fails: { plugin?: string } = {};
    const { host, change, supervisor, life } = await running([entry('a'), entry('b')], fails);
    fails.plugin = 'a';
    const changed = entry('a', { with: { y: 1 }, onError: 'fail' });
    await assert.rejects(change([changed, entry('b')]), /no/);
    assert.equal(host.active('metric-source').length, 2);
    assert.equal(supervisor.get('a')?.state, 'running');
    await change([entry('a'), entry('b')]);
    assert.deepEqual(life, []);
    await host.stop();
  });

  test('one that is tried again and again is tried no more once it is gone', async () => {
    const fails = { plugin: 'b' };
    const { host, change, supervisor } = await running([entry('a'), entry('b', { onError: 'retry' })], fails);
    assert.equal(supervisor.get('b')?.state, 'retrying');
    await change([entry('a')]);
    assert.equal(supervisor.get('b'), undefined);
    await host.stop();
  });
});

describe('sinks', () => {
  test('are called again after a failure, never twice at once, and no more once stopped', async () => {
    let running = 0;
    let begun = 0;
    let ended = 0;
    let signal: AbortSignal | undefined;
    let thirdPush = () => {};
    const sink = definePlugin({
      kind: 'sink',
      name: 'sink',
      apiVersion: PLUGIN_API_VERSION,
      description: 'for tests',
      configSchema: z.strictObject({}),
      create: () => ({
        interval: 1,
        async push(stopping) {
          signal = stopping;
          begun++;
          assert.equal(++running, 1);
          await new Promise((done) => setImmediate(done));
          running--;
          if (++ended === 3) thirdPush();
          if (ended === 2) throw new Error('nobody listens');
        },
      }),
    });
    const { host, lines, sources, supervisor } = fixture({ sink: async () => sink });
    const enough = new Promise<void>((resolve) => {
      thirdPush = resolve;
    });
    await host.load([entry('sink')], sources);
    await host.start();
    await enough;
    await host.stop();
    const before = begun;
    await new Promise((done) => setTimeout(done, 5));
    assert.equal(begun, before);
    assert.equal(signal?.aborted, true);
    assert.equal(supervisor.get('sink')?.errors, 1);
    assert.ok(lines.some((line) => line.includes('push: nobody listens')));
  });
});
