import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:net';
import { after, afterEach, before, describe, it } from 'node:test';
import { AppMetricsBench } from '../../../test/support/app-metrics-bench.js';
import { until } from '../../../test/support/discovery.js';
import { type AppMetrics, type AppTarget, type CollectedMetrics, CollectionError } from '../contracts/index.js';
import { appMetricsOf } from './index.js';

const TARGET: AppTarget = { name: 'only', interval: 1000 };
const one = (name = 'a', value: number | bigint = 1): CollectedMetrics => ({
  specs: [{ name, type: 'gauge', format: 'float', units: '' }],
  samples: [{ name, value }],
});

describe('AppMetricsKeeper', () => {
  let bench: AppMetricsBench;
  afterEach(() => bench.stop());

  /** A plugin with one target in every container. */
  function use(collect: AppMetrics['collect'], targets: AppMetrics['targets'] = () => [TARGET], id = 'app') {
    return bench.use(id, { targets, collect });
  }

  it('never overlaps collections of a target, even when the plugin ignores its time limit', async () => {
    bench = new AppMetricsBench();
    let running = 0;
    let most = 0;
    const releases: (() => void)[] = [];
    use(async () => {
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => releases.push(resolve));
      running--;
      return one();
    });
    bench.add('/a', {});
    const { error } = await bench.status('/a', ({ failures }) => failures === 1);
    assert.match(error!, /within 900 ms/);
    releases[0]!();
    await until(
      () => releases.length === 2,
      () => 'no second collection',
    );
    // What comes too late does not count.
    assert.deepEqual(bench.metrics('/a').history(), [[]]);
    assert.equal(most, 1);
    releases[1]!();
  });

  it('collects from four targets of a container at a time, whatever those of another do', async () => {
    bench = new AppMetricsBench();
    const running = { '/a': 0, '/b': 0 } as Record<string, number>;
    const most = { ...running };
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    use(
      async (_target, { container: { name } }) => {
        most[name] = Math.max(most[name]!, ++running[name]!);
        await released;
        running[name]!--;
        return one();
      },
      () => Array.from({ length: 10 }, (_, i) => ({ ...TARGET, name: `target ${i}` })),
    );
    const containers = ['/a', '/b'];
    for (const name of containers) bench.add(name, {});
    // All ten are due within the first second; the first four exceed their time limit 0.9 s after they began.
    for (const name of containers) {
      await until(
        () => bench.metrics(name).targets.filter(({ failures }) => failures > 0).length === 4,
        () => JSON.stringify(bench.metrics(name).targets),
      );
    }
    release();
    for (const name of containers) {
      await until(
        () => bench.metrics(name).targets.every(({ up }) => up),
        () => JSON.stringify(bench.metrics(name).targets),
      );
    }
    assert.deepEqual(most, { '/a': 4, '/b': 4 });
  });

  it('does not count failures of a target as faults of the plugin, but thrown errors', async () => {
    bench = new AppMetricsBench();
    const plugin = use(async (_target, { container: { name } }) => {
      if (name === '/bad') throw new CollectionError('the target is bad');
      if (name === '/bug') throw new TypeError('the plugin has a bug');
      return one();
    });
    for (const name of ['/good', '/bad', '/bug']) bench.add(name, {});
    await bench.status('/good', ({ up }) => up);
    await bench.status('/bad', ({ failures }) => failures >= 2);
    assert.equal((await bench.status('/bug', ({ failures }) => failures >= 1)).error, 'the plugin has a bug');
    assert.match(plugin.record.lastError ?? '', /the plugin has a bug/);
    assert.deepEqual(
      bench.logger.lines.filter((line) => line.includes('the target is bad')),
      ['warn collecting metrics "only" from /bad fails: the target is bad'],
    );
    assert.equal(bench.logger.lines.filter((line) => line.includes('the plugin has a bug')).length, 1);
  });

  it('applies another history duration to existing and new targets', async () => {
    bench = new AppMetricsBench({ historyDurationMs: 3_600_000 });
    use(async () => one());
    bench.add('/a', {});
    await bench.status('/a', ({ collections }) => collections === 2);
    bench.keeper.keepFor(1);
    bench.add('/b', {});
    for (const name of ['/a', '/b']) {
      await bench.status(name, ({ collections }) => collections >= 4);
      assert.equal(bench.metrics(name).history()[0]!.length, 2, 'the newest, and the one that was current before it');
    }
  });

  it('counts an invalid result as a fault of the plugin', async () => {
    bench = new AppMetricsBench();
    const plugin = use(async () => ({}) as CollectedMetrics);
    bench.add('/a', {});
    assert.match(
      (await bench.status('/a', ({ failures }) => failures >= 1)).error!,
      /did not return \{ specs, samples \}/,
    );
    assert.equal(plugin.record.errors, 1);
  });

  it('logs a failing target once, and its recovery once', async () => {
    bench = new AppMetricsBench();
    let fails = true;
    use(async () => {
      if (fails) throw new CollectionError('not yet');
      return { ...one(), problems: ['1 is missing'] };
    });
    bench.add('/a', {});
    await bench.status('/a', ({ failures }) => failures >= 2);
    fails = false;
    await bench.status('/a', ({ up, collections }) => up && collections >= 4);
    assert.deepEqual(bench.logger.lines, [
      'warn collecting metrics "only" from /a fails: not yet',
      'info collecting metrics "only" from /a works again',
      'warn collecting metrics "only" from /a: 1 is missing',
    ]);
  });

  it('logs the first three reasons of a target that keeps failing, each once', async () => {
    bench = new AppMetricsBench();
    const reasons = ['being set up', 'refused: port 1', 'refused: port 2', 'not found', 'of no known format'];
    use(async () => {
      throw new CollectionError(reasons.shift() ?? 'nothing left');
    });
    bench.add('/a', {});
    await bench.status('/a', ({ failures }) => failures >= 6);
    assert.deepEqual(
      bench.logger.lines,
      ['refused: port 1', 'not found', 'of no known format'].map(
        (reason) => `warn collecting metrics "only" from /a fails: ${reason}`,
      ),
    );
  });

  it('keeps jobs of unchanged targets until the container restarts', async () => {
    bench = new AppMetricsBench();
    const seen: AppTarget[] = [];
    use(
      async (target) => {
        seen.push(target);
        return one();
      },
      ({ labels }) => [{ ...TARGET, name: labels.name ?? 'x' }],
    );
    const tracked = bench.add('/a', { pid: 1 });
    const describe = (description: object) => {
      const previous = tracked.description;
      Object.assign(tracked, { description: { ...previous, ...description } });
      bench.keeper.descriptionChanged(tracked, previous);
    };
    const collected = () => bench.metrics('/a').targets[0]!.collections;
    await bench.status('/a', ({ collections }) => collections === 1);
    describe({ restartCount: 1 });
    assert.equal(collected(), 1);
    describe({ pid: 2 });
    assert.equal(collected(), 0);
    describe({ labels: { name: 'y' } });
    await bench.status('/a', ({ name, up }) => name === 'y' && up);
    assert.equal(new Set(seen).size, 2);
    bench.remove('/a');
    assert.equal(appMetricsOf(tracked), undefined);
  });

  it('shares the limits of a container among its targets', async () => {
    bench = new AppMetricsBench({ maxMetrics: 3 });
    const names = (prefix: string) => [1, 2].map((n) => ({ name: `${prefix}${n}`, value: n }));
    const collect = async ({ name }: AppTarget) => ({ specs: [], samples: names(name) });
    use(collect, () => [TARGET, { ...TARGET, name: 'more' }]);
    bench.add('/a', {});
    await until(
      () => bench.metrics('/a').targets.every(({ up }) => up),
      () => 'both',
    );
    const { targets, at } = {
      targets: bench.metrics('/a').targets,
      at: bench.metrics('/a').at(Number.MAX_SAFE_INTEGER),
    };
    assert.equal(at[0]!.series.length + at[1]!.series.length, 3);
    assert.equal(targets[0]!.dropped + targets[1]!.dropped, 1);
  });

  it('removes the targets of a removed plugin', async () => {
    bench = new AppMetricsBench();
    const plugin = use(async () => one());
    use(
      async () => one('b'),
      () => [TARGET],
      'other',
    );
    bench.add('/a', {});
    await until(
      () => bench.metrics('/a').targets.every(({ up }) => up),
      () => 'both',
    );
    assert.deepEqual(
      bench.metrics('/a').specs.map(({ name }) => name),
      ['a', 'b'],
    );
    bench.keeper.pluginRemoved(plugin);
    assert.deepEqual(
      bench.metrics('/a').specs.map(({ name }) => name),
      ['b'],
    );
  });
});

describe('protocols other than HTTP', () => {
  let bench: AppMetricsBench;
  let server: Server;
  let closed = 0;

  before(async () => {
    bench = new AppMetricsBench();
    server = createServer((socket) => {
      socket.once('data', (request) => socket.write(`answer to ${String(request)}`));
      socket.on('close', () => closed++);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.4.1', resolve));
  });
  after(() => {
    bench.stop();
    server.close();
  });

  it('connects to the container until the collection ends', async () => {
    const { port } = server.address() as { port: number };
    bench.use('info', {
      targets: () => [TARGET],
      async collect(_target, access) {
        const stream = await access.connect({ port });
        stream.write('INFO');
        const [answer] = (await new Promise((resolve) => stream.once('data', (data) => resolve([String(data)])))) as [
          string,
        ];
        return { specs: [], samples: [{ name: answer, value: 1 }] };
      },
    });
    bench.add('/a', { addresses: ['127.0.4.1'] });
    await bench.status('/a', ({ up }) => up);
    assert.equal(bench.metrics('/a').at(Number.MAX_SAFE_INTEGER)[0]!.series[0]!.name, 'answer to INFO');
    await until(
      () => closed > 0,
      () => 'the connection is still open',
    );
    bench.add('/b', { addresses: ['127.0.4.2'] });
    assert.match((await bench.status('/b', ({ failures }) => failures > 0)).error!, /nothing listens there/);
  });
});
