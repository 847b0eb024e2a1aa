import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fakeAgent } from '../../../test/conformance/world/fake-agent.js';
import { entry, pluginBench, pluginNamed, SOURCE } from '../../../test/support/plugin-bench.js';
import type { PluginEntry } from '../config/index.js';
import { definePlugin, PLUGIN_API_VERSION, type SinkBatch, sinkOptions, z } from '../contracts/index.js';

describe('the life cycle of plugins', () => {
  it('starts plugins in order and stops them in reverse with their timers and signal', async () => {
    const stopped: string[] = [];
    let signal: AbortSignal | undefined;
    const make = (name: string) => async () =>
      pluginNamed(name, (context) => {
        signal = context.signal;
        context.timers.every(1, () => {});
        return { ...SOURCE, stop: () => void stopped.push(name) };
      });
    const { host, supervisor, active, activated, sources } = pluginBench({ a: make('a'), b: make('b') });
    await host.load([entry('a'), entry('b'), entry('a', { id: 'a#2' })], sources);
    await host.start();
    assert.deepEqual(activated, ['a', 'b', 'a#2']);
    assert.equal(active.of('metric-source').length, 3);
    await host.stop();
    assert.deepEqual(stopped, ['a', 'b', 'a']);
    assert.equal(signal?.aborted, true);
    assert.ok(supervisor.statuses().every(({ state }) => state === 'stopped'));
  });

  it('reports a start that hangs, and starts the other plugins', async () => {
    const hangs = async () => pluginNamed('hangs', () => ({ ...SOURCE, start: () => new Promise<void>(() => {}) }));
    const { host, supervisor, sources, activated } = pluginBench({
      hangs,
      fine: async () => pluginNamed('fine', () => SOURCE),
    });
    await host.load([entry('hangs', { startTimeout: 5 }), entry('fine')], sources);
    await host.start();
    assert.deepEqual(activated, ['fine']);
    const [status] = supervisor.statuses();
    assert.equal(status?.state, 'failed');
    assert.match(status?.lastError ?? '', /plugin hangs did not start within 5 ms/);
    await host.stop();
  });

  it('stops a plugin whose start timed out and aborts its signal before the next attempt', async () => {
    const life: string[] = [];
    let holder: number | undefined;
    let instances = 0;
    const slow = async () =>
      pluginNamed('slow', ({ signal }) => {
        const number = ++instances;
        return {
          ...SOURCE,
          start: () => {
            assert.equal(holder, undefined, `instance ${number} finds the port taken by ${holder}`);
            holder = number;
            return number === 1 ? new Promise<void>(() => {}) : undefined;
          },
          stop: () => {
            life.push(`stop ${number}, ${signal.aborted ? 'signal aborted' : 'signal alive'}`);
            holder = undefined;
          },
        };
      });
    const { host, sources, supervisor, whenActive } = pluginBench({ slow });
    await host.load([entry('slow', { startTimeout: 5, onError: 'retry' })], sources);
    const active = whenActive('slow');
    await host.start();
    assert.equal(supervisor.get('slow')?.state, 'retrying');
    assert.deepEqual(life, ['stop 1, signal aborted']);
    await active;
    assert.equal(holder, 2);
    await host.stop();
  });

  it('stops a plugin again when its start succeeds after the time limit', async () => {
    let succeed = () => {};
    let stops = 0;
    let stoppedAgain = () => {};
    const again = new Promise<void>((resolve) => {
      stoppedAgain = resolve;
    });
    const slow = async () =>
      pluginNamed('slow', () => ({
        ...SOURCE,
        start: () =>
          new Promise<void>((resolve) => {
            succeed = resolve;
          }),
        stop: () => {
          if (++stops === 2) stoppedAgain();
        },
      }));
    const { host, sources } = pluginBench({ slow });
    await host.load([entry('slow', { startTimeout: 5 })], sources);
    await host.start();
    assert.equal(stops, 1);
    succeed();
    await again;
    await host.stop();
  });

  it('stops a plugin that is still starting when the agent stops', async () => {
    let succeed = () => {};
    let begun = () => {};
    const beginning = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const stopped: string[] = [];
    const slow = async () =>
      pluginNamed('slow', () => ({
        ...SOURCE,
        start: () =>
          new Promise<void>((resolve) => {
            succeed = resolve;
            begun();
          }),
        stop: () => void stopped.push('slow'),
      }));
    const { host, sources, activated } = pluginBench({ slow });
    await host.load([entry('slow')], sources);
    const started = host.start();
    await beginning;
    await host.stop();
    assert.deepEqual(stopped, ['slow']);
    succeed();
    await started;
    assert.deepEqual(activated, []);
  });

  it('fails with onError: fail, and repeats the start with retry until it succeeds', async () => {
    let tries = 0;
    const late = async () =>
      pluginNamed('late', () => {
        if (++tries < 2) throw new Error('not yet');
        return SOURCE;
      });
    const first = pluginBench({ late });
    await first.host.load([entry('late', { onError: 'fail' })], first.sources);
    await assert.rejects(first.host.start(), /not yet/);

    tries = 0;
    const second = pluginBench({ late });
    await second.host.load([entry('late', { onError: 'retry' })], second.sources);
    const active = second.whenActive('late');
    await second.host.start();
    assert.equal(second.supervisor.statuses()[0]?.state, 'retrying');
    await active;
    assert.equal(second.supervisor.statuses()[0]?.up, true);
    await second.host.stop();
  });

  it('starts the other plugins when one is unknown or has invalid options', async () => {
    const { host, supervisor, sources, activated } = pluginBench({
      fine: async () => pluginNamed('fine', () => SOURCE),
    });
    await host.load([entry('fine', { id: 'bad', with: { size: 'x' } }), entry('nonsense'), entry('fine')], sources);
    await host.start();
    assert.deepEqual(activated, ['fine']);
    assert.deepEqual(
      supervisor.statuses().map(({ id, state, kind }) => [id, state, kind]),
      [
        ['bad', 'failed', 'metric-source'],
        ['nonsense', 'failed', undefined],
        ['fine', 'running', 'metric-source'],
      ],
    );
    await host.stop();
  });
});

describe('changed entries', () => {
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
    const made = pluginBench({ a: make('a'), b: make('b'), handler: make('handler') });
    await made.host.load(entries, made.sources);
    await made.host.start();
    life.length = 0;
    made.activated.length = 0;
    return { ...made, life, change: (next: readonly PluginEntry[]) => made.host.reconfigure(next, made.sources) };
  }

  it('start and stop without affecting the others', async () => {
    const { active, host, life, change, activated, supervisor } = await running([entry('a'), entry('handler')]);
    await change([entry('b'), entry('a')]);
    assert.deepEqual(life, ['stop handler 2', 'start b 3']);
    assert.deepEqual(activated, ['-handler', 'b']);
    assert.equal(supervisor.get('handler'), undefined);
    assert.deepEqual(
      active.of('metric-source').map(({ record }) => record.id),
      ['b', 'a'],
    );
    await change([entry('b'), entry('a')]);
    assert.equal(life.length, 2);
    await host.stop();
  });

  it('replace the instance after its successor has started, with the same position and id', async () => {
    const { active, host, life, change, activated } = await running([entry('handler'), entry('a'), entry('b')]);
    await change([entry('handler', { with: { x: 1 } }), entry('a', { with: { y: 1 } }), entry('b')]);
    assert.deepEqual(life, ['start handler 4', 'stop handler 3', 'start a 5', 'stop a 1']);
    assert.deepEqual(activated, ['-handler', 'handler', '-a', 'a']);
    const taking = [...active.of('metric-source'), ...active.of('container-handler')];
    assert.deepEqual(
      taking.map(({ record }) => record.id),
      ['a', 'b', 'handler'],
    );
    await host.stop();
  });

  it('keep the previous instance when the new one fails with onError: fail', async () => {
    const fails: { plugin?: string } = {};
    const { active, host, change, supervisor, life } = await running([entry('a'), entry('b')], fails);
    fails.plugin = 'a';
    const changed = entry('a', { with: { y: 1 }, onError: 'fail' });
    await assert.rejects(change([changed, entry('b')]), /no/);
    assert.equal(active.of('metric-source').length, 2);
    assert.equal(supervisor.get('a')?.state, 'running');
    await change([entry('a'), entry('b')]);
    assert.deepEqual(life, ['stop a 3'], 'what its failed start may have opened is closed; the others do not notice');
    await host.stop();
  });

  it('end the retries of a removed entry', async () => {
    const fails = { plugin: 'b' };
    const { host, change, supervisor } = await running([entry('a'), entry('b', { onError: 'retry' })], fails);
    assert.equal(supervisor.get('b')?.state, 'retrying');
    await change([entry('a')]);
    assert.equal(supervisor.get('b'), undefined);
    await host.stop();
  });
});

describe('sinks in the plugin host', () => {
  it('are flushed first and in parallel, whatever hangs later', async () => {
    const order: string[] = [];
    let together = 0;
    let release = () => {};
    const both = new Promise<void>((resolve) => {
      release = resolve;
    });
    const sink = (name: string) => async () =>
      definePlugin({
        kind: 'sink',
        name,
        apiVersion: PLUGIN_API_VERSION,
        description: 'for tests',
        configSchema: z.strictObject(sinkOptions),
        create: (_, options) => ({
          options,
          format: 'test',
          encode: () => 0,
          send: async () => {},
          stop: async () => {
            if (++together === 2) release();
            await both;
            order.push(name);
          },
        }),
      });
    const hangs = async () =>
      pluginNamed('hangs', () => ({
        ...SOURCE,
        stop: () => {
          order.push('hangs');
          return new Promise<void>(() => {});
        },
      }));
    const { host, sources, supervisor } = pluginBench({ one: sink('one'), two: sink('two'), hangs });
    await host.load([entry('one'), entry('two'), entry('hangs'), entry('hangs', { id: 'hangs#2' })], sources);
    await host.start();
    await host.stop(100);
    assert.deepEqual(order.slice(0, 2).toSorted(), ['one', 'two']);
    assert.deepEqual(order.slice(2), ['hangs', 'hangs']);
    assert.deepEqual([supervisor.get('one')?.errors, supervisor.get('two')?.errors], [0, 0]);
    assert.match(supervisor.get('hangs#2')?.lastError ?? '', /did not stop within \d+ ms/);
  });

  it('keep their queue when their options change', async () => {
    const sent: string[] = [];
    const sink = definePlugin({
      kind: 'sink',
      name: 'sink',
      apiVersion: PLUGIN_API_VERSION,
      description: 'for tests',
      configSchema: z.strictObject({ isUp: z.boolean(), ...sinkOptions }),
      create: (_, options) => ({
        options,
        format: 'names',
        encode({ container }, out) {
          out.text(container.name);
          return 1;
        },
        async send({ body }: SinkBatch) {
          if (!options.isUp) throw new Error('nobody listens');
          sent.push(Buffer.from(body).toString());
        },
      }),
    });
    const agent = fakeAgent({ containers: [{ name: '/a', samples: [{ time: 1_000_000, cells: [] }] }] });
    const { host, lines, sources, supervisor } = pluginBench({ sink: async () => sink }, agent);
    await host.load([entry('sink', { with: { isUp: false, interval: '100ms' } })], sources);
    await host.start();
    while (!lines.some((line) => line.includes('nobody listens'))) await new Promise((done) => setTimeout(done, 5));
    assert.equal(supervisor.get('sink')!.status().sink?.queue.points, 1);
    await host.reconfigure([entry('sink', { with: { isUp: true, interval: '1h' } })], sources);
    const status = () => supervisor.get('sink')!.status().sink!;
    while (status().sent.points === 0) await new Promise((done) => setTimeout(done, 5));
    assert.deepEqual(sent, ['/a']);
    assert.equal(status().retries, 1);
    await host.stop();
  });

  it('that ignore their signal do not delay the stop', async () => {
    const sink = definePlugin({
      kind: 'sink',
      name: 'sink',
      apiVersion: PLUGIN_API_VERSION,
      description: 'for tests',
      configSchema: z.strictObject(sinkOptions),
      create: (_, options) => ({
        options,
        format: 'names',
        encode({ container }, out) {
          out.text(container.name);
          return 1;
        },
        send: () => new Promise<void>(() => {}),
      }),
    });
    const agent = fakeAgent({ containers: [{ name: '/a', samples: [{ time: 1_000_000, cells: [] }] }] });
    const { host, lines, sources } = pluginBench({ sink: async () => sink }, agent);
    await host.load([entry('sink')], sources);
    await host.start();
    await host.stop(100);
    assert.ok(
      lines.some((line) => line.startsWith('1 data points could not be delivered before the stop and are lost')),
    );
  });
});
