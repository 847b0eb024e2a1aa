import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { fakeAgent } from '../../../test/conformance/world/fake-agent.js';
import { sinkBench as bench, sampledContainer as container } from '../../../test/support/sink-bench.js';
import { type AgentView, DeliveryError, type ExportContainer, type Sink } from '../contracts/index.js';
import { BatchQueue, inMemory, type QueuedBatch } from './queue.js';

const SECOND = 1_000_000;

const refuse = (message: string) => () => {
  throw new DeliveryError(message, { permanent: true });
};
const fail = (message: string, retryAfterMs = 0) => {
  return () => {
    throw new DeliveryError(message, { retryAfterMs });
  };
};

describe('delivery', () => {
  it('sends applications, the machine and the agent as far as the option content asks for them', async () => {
    const series = [
      { name: 'jobs', labels: { queue: 'a' }, label: '', format: 'int' },
      { name: 'container_fake', labels: {}, label: '', format: 'int' },
      { name: 'load', labels: {}, label: '', format: 'float' },
    ] as const;
    const other = [{ name: 'jobs', labels: { queue: 'a' }, label: '', format: 'int' }] as const;
    let at = 1;
    const snapshots = () => [
      { time: at * SECOND, series, values: Float64Array.of(3, 4, 0.5) },
      { time: at * SECOND, series: other, values: Float64Array.of(9) },
    ];
    const specs = [{ name: 'jobs', type: 'cumulative', format: 'int', units: '' }] as const;
    const appMetrics = { specs, at: snapshots, history: () => [], targets: [] };
    const { delivery, show, round, sent, faults } = bench({
      content: ['applications', 'machine', 'agent'],
      metricsInclude: ['jobs', 'load', 'container_fake', 'machine_cpu_cores', 'tallyman_containers'],
    });
    const shown = [container('/', [1, 5]), { ...container('/a', [1, 5]), appMetrics }];
    show(...shown);
    delivery.start();
    await round();
    const host = [' machine_cpu_cores 1', ' tallyman_containers 2'];
    assert.deepEqual(sent, [['/a jobs 3', '/a load 0.5', ...host]]);
    await round();
    at++;
    await round();
    assert.deepEqual(sent.slice(1), [host, ['/a jobs 3', '/a load 0.5', ...host]]);
    show(container('/', [1, 5]));
    await round();
    assert.deepEqual(
      sent.at(-1)!.filter((line) => line.startsWith('/a')),
      ['/a ended', '/a ended'],
    );
    assert.deepEqual(faults, []);
  });

  it('ends containers that ended while the agent did not run, by a state beside the disk queue', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tallyman-test-ended-'));
    const names = (containers: readonly ExportContainer[]) => containers.map(({ labels }) => JSON.stringify(labels));
    const stateful: Partial<Sink> = {
      state: (containers) => JSON.stringify(names(containers)),
      endMissing(state, isThere, _time, out) {
        const missing = (JSON.parse(state) as string[]).filter((text) => !isThere(JSON.parse(text)));
        for (const text of missing) out.text(`missing ${text}\n`);
        return missing.length;
      },
    };
    const options = (version: string) => ({
      host: '',
      interval: '1s',
      externalLabels: { version },
      queue: { directory },
    });
    /** A round with all that it reads and writes: files take real time, in which the clock must stand still. */
    const wholeRound = async ({ delivery, round }: ReturnType<typeof bench>) => {
      await round(1_000);
      await (delivery as unknown as { round: Promise<void> }).round;
      while (delivery.status().queue.batches > 0) await new Promise((done) => setImmediate(done));
    };
    const missing = ({ sent }: ReturnType<typeof bench>) => sent.flat().filter((line) => line.startsWith('missing'));
    try {
      const first = bench(options('1'), stateful);
      first.show(container('/a', [1, 5]), container('/b', [2, 6]));
      await first.delivery.start();
      while (!existsSync(join(directory, 'state'))) await wholeRound(first);
      await first.delivery.finish(1_000);
      const second = bench(options('2'), stateful);
      second.show(container('/b', [2, 6]));
      await second.delivery.start();
      await wholeRound(second);
      assert.deepEqual(missing(second), [], 'not before cgroups are found again');
      while (missing(second).length === 0) await wholeRound(second);
      const gone = 'missing [["id","/a"],["version","1"]]';
      assert.deepEqual(missing(second), [gone], 'not before labels are known again');
      while (missing(second).length === 1) await wholeRound(second);
      assert.deepEqual(missing(second), [gone, 'missing [["id","/b"],["version","1"]]']);
      await second.delivery.finish(1_000);
      assert.deepEqual([...first.faults, ...second.faults], []);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it('ends what a reload no longer selects or gives other labels, as the sink before the reload', async () => {
    const shown = [container('/a', [1, 5]), container('/b', [2, 6])];
    const before = bench({ batch: { age: '1h' } });
    before.show(...shown);
    await before.delivery.start();
    await before.round();
    await before.delivery.suspend();
    const after = bench({ containersExclude: ['/a'] }, {}, before.delivery);
    after.show(...shown);
    await after.delivery.start();
    await after.round();
    const ends = ({ sent }: ReturnType<typeof bench>) => sent.flat().filter((line) => line.endsWith('ended'));
    assert.deepEqual([...ends(before), ...ends(after)], ['/a ended']);
    await after.delivery.suspend();
    const relabelled = bench({ containersExclude: ['/a'], externalLabels: { zone: 'x' } }, {}, after.delivery);
    relabelled.show(...shown);
    await relabelled.delivery.start();
    await relabelled.round();
    assert.deepEqual(ends(relabelled), ['/b ended']);
    assert.deepEqual([...before.faults, ...after.faults, ...relabelled.faults], []);
  });

  it('attributes to the sink what a round takes after the call of its timer has returned', async () => {
    const { delivery, show, round, clock, spent, faults } = bench(
      { batch: { size: 1 } },
      {
        encode(sample, out) {
          clock.milliseconds += 7;
          out.text(sample.container.name);
          return 1;
        },
      },
    );
    show(container('/a', [1, 5]), container('/b', [1, 5]), container('/c', [1, 5]));
    await delivery.start();
    await round();
    // The call returns when the first batch is full.
    assert.equal(spent.ms, 14);
    assert.deepEqual(faults, []);
  });

  it('sends only containers where a sink has no form for anything else', async () => {
    const { delivery, show, round, sent } = bench({ content: ['containers', 'machine'] }, { containersOnly: true });
    show(container('/', [1, 5]));
    delivery.start();
    await round();
    assert.deepEqual(sent, [['/ container_cpu_load_average_10s 1', '/ container_memory_failcnt 5']]);
  });

  it('sends each sample once, and reports containers that end', async () => {
    const { delivery, show, round, sent, faults } = bench();
    show(container('/a', [1, 5]), container('/b', [2, 6]));
    delivery.start();
    await round();
    await round();
    show(container('/b', [2, 6], [3, 7]));
    await round();
    assert.deepEqual(sent, [
      [
        '/a container_cpu_load_average_10s 1',
        '/a container_memory_failcnt 5',
        '/b container_cpu_load_average_10s 2',
        '/b container_memory_failcnt 6',
      ],
      // Another view of the same name is another container.
      ['/a ended', '/b ended', '/b container_cpu_load_average_10s 3', '/b container_memory_failcnt 7'],
    ]);
    assert.deepEqual(faults, []);
  });

  it('splits batches by their data points', async () => {
    const { delivery, show, round, sent } = bench({ batch: { size: 4 } });
    show(...['/a', '/b', '/c', '/d', '/e'].map((name) => container(name, [1, 1])));
    delivery.start();
    await round();
    assert.deepEqual(
      sent.map((lines) => lines.length),
      [4, 4, 2],
    );
  });

  it('lets a batch that is not full wait for as long as batch.age says', async () => {
    const { delivery, show, round, sent } = bench({ batch: { age: '25s' } });
    delivery.start();
    for (let i = 1; i <= 3; i++) {
      show(container('/a', ...Array.from({ length: i }, () => [i, i] as const)));
      await round();
      assert.equal(sent.length, 0);
    }
    await round();
    assert.equal(sent.length, 1);
  });

  it('keeps what fails, in order, and sends it after growing pauses', async () => {
    const { delivery, show, round, sent, answers, lines } = bench({ batch: { size: 1 }, interval: '1h' });
    show(container('/a', [1, 1]), container('/b', [1, 1]), container('/c', [1, 1]));
    answers.push(fail('busy'), fail('busy'), fail('busy', 30_000));
    delivery.start();
    await round(3_600_000);
    assert.match(delivery.status().failure!, /busy/);
    assert.equal(delivery.status().queue.batches, 3);
    await round(1_300);
    await round(2_600);
    assert.equal(delivery.status().retries, 3);
    await round(29_000);
    assert.equal(delivery.status().retries, 3, 'the receiver asked for 30 s');
    await round(1_500);
    assert.deepEqual(
      sent.map(([line]) => line!.split(' ')[0]),
      ['/a', '/b', '/c'],
    );
    assert.deepEqual(lines, [
      'cannot deliver: busy; batches are kept and sent later',
      'batches are delivered again; nothing was lost',
    ]);
    const { queue, sent: counts, dropped } = delivery.status();
    assert.deepEqual([queue.points, counts.points, dropped], [0, 6, {}]);
  });

  it('drops what is refused and logs the words of the receiver once', async () => {
    const { delivery, show, round, answers, lines } = bench({ batch: { size: 1 } });
    show(container('/a', [1, 1]), container('/b', [1, 1]), container('/c', [1, 1]));
    answers.push(refuse('too old'), refuse('too old'), () => ({ rejected: 1, message: 'no unit' }));
    delivery.start();
    await round();
    assert.deepEqual(lines, [
      'a batch of 2 data points was refused and is dropped: too old',
      'the receiver left out 1 of 2 data points: no unit',
    ]);
    assert.deepEqual(delivery.status().dropped, { refused: 5 });
    assert.equal(delivery.status().sent.points, 1);
  });

  it('drops the oldest batches when the queue is full, and logs it once', async () => {
    const { delivery, show, round, answers, sent, lines } = bench({ batch: { size: 1 }, queue: { size: 250 } });
    show(...Array.from({ length: 9 }, (_, i) => container(`/c${i}`, [1, 1])));
    answers.push(fail('away'));
    delivery.start();
    await round();
    assert.ok(delivery.status().queue.bytes <= 250);
    await round();
    assert.deepEqual(
      sent.map(([line]) => line!.split(' ')[0]),
      ['/c6', '/c7', '/c8'],
    );
    assert.equal(delivery.status().dropped.queue_full, 12);
    assert.equal(lines.filter((line) => line.startsWith('the queue is full')).length, 1);
    assert.ok(lines.includes('batches are delivered again; 12 data points were lost meanwhile'));
  });

  it('sends as many batches at a time as it may, but those of one container one after the other', async () => {
    const { delivery, show, round, sent, answers } = bench({ concurrency: 4, batch: { size: 1 } });
    const gates: (() => void)[] = [];
    for (let i = 0; i < 12; i++) answers.push(() => new Promise((done) => gates.push(() => done(undefined))));
    const names = Array.from({ length: 12 }, (_, i) => `/container-${i}`);
    show(...names.map((name) => container(name, [1, 1])));
    delivery.start();
    await round();
    assert.equal(gates.length, 4);
    while (gates.length > 0) {
      for (const open of gates.splice(0).reverse()) open();
      await round(0);
    }
    assert.equal(sent.length, 12);
    assert.equal(delivery.status().queue.batches, 0);
  });

  it('leaves out a container that the sink cannot encode', async () => {
    const { delivery, show, round, sent, faults } = bench();
    const good = container('/good', [1, 1]);
    show(good, { ...good, name: '/bad', samples: [{ time: SECOND, cells: [] }] });
    (delivery as unknown as { sink: Sink }).sink.encode = (sample, out) => {
      out.text(sample.container.name);
      if (sample.container.name === '/bad') throw new Error('odd');
      return 1;
    };
    delivery.start();
    await round();
    assert.deepEqual(sent, [['/good']]);
    assert.deepEqual(faults, ['encode: Error: /bad: odd']);
  });

  it('hands over what is new when it finishes, without waiting for the end of a pause', async () => {
    const { delivery, show, round, sent, answers } = bench();
    show(container('/a', [1, 1]));
    answers.push(fail('away'));
    delivery.start();
    await round();
    show(container('/a', [1, 1], [2, 2]));
    assert.equal(await delivery.finish(1_000), 0);
    assert.equal(sent.length, 2);
  });

  it('says how much is left when the receiver takes nothing until the end', async () => {
    const { delivery, show, answers } = bench();
    show(container('/a', [1, 1]));
    answers.push(() => new Promise(() => {}));
    const sink = (delivery as unknown as { sink: Sink }).sink;
    sink.send = (_, signal) =>
      new Promise((_done, failed) => signal.addEventListener('abort', () => failed(signal.reason)));
    delivery.start();
    assert.equal(await delivery.finish(50), 2);
  });
});

describe('resolution', () => {
  const valuesOf = async (resolution: string) => {
    const { delivery, show, round, sent } = bench({ resolution });
    const first = container('/a', [10, 100]);
    const world = fakeAgent({ containers: [first] });
    const view = world.containers()[0]!;
    show(first);
    (delivery as unknown as { services: { agent: AgentView } }).services.agent = world;
    (delivery as unknown as { collector: { agent: AgentView } }).collector.agent = world;
    delivery.start();
    await round();
    const later = container('/a', [10, 100], [40, 110], [20, 130]);
    Object.assign(view, { samples: fakeAgent({ containers: [later] }).containers()[0]!.samples });
    await round();
    return sent.slice(1).flat();
  };

  for (const [resolution, expected] of [
    ['last', ['container_cpu_load_average_10s 20', 'container_memory_failcnt 130']],
    ['mean', ['container_cpu_load_average_10s 30', 'container_memory_failcnt 130']],
    ['max', ['container_cpu_load_average_10s 40', 'container_memory_failcnt 130']],
    ['rate', ['container_cpu_load_average_10s 20', 'container_memory_failcnt_per_second 15']],
    [
      'all',
      [
        'container_cpu_load_average_10s 40',
        'container_memory_failcnt 110',
        'container_cpu_load_average_10s 20',
        'container_memory_failcnt 130',
      ],
    ],
  ] as const) {
    it(`${resolution} is made of the samples since the ones before`, async () => {
      assert.deepEqual(
        await valuesOf(resolution),
        expected.map((line) => `/a ${line}`),
      );
    });
  }
});

describe('a queue of batches', () => {
  it('keeps to its bound and to the order of each lane, whatever is taken and put back', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ size: fc.integer({ min: 1, max: 40 }), lane: fc.integer({ min: -1, max: 2 }) })),
        fc.infiniteStream(fc.integer({ min: 0, max: 2 })),
        (sizes, steps) => {
          let dropped = 0;
          const queue = new BatchQueue(100, 100, () => void dropped++);
          const busy: QueuedBatch[] = [];
          const removed: QueuedBatch[] = [];
          for (const [i, { size, lane }] of sizes.entries()) {
            const stored = inMemory(new Uint8Array());
            queue.add({ size, lane, points: 1, oldest: i, newest: i, format: '', attempts: 0, stored });
            const step = steps.next().value;
            const taken = step === 0 ? undefined : queue.take();
            if (taken !== undefined) {
              assert.ok(busy.every((other) => other.lane !== taken.lane && other.lane !== -1));
              busy.push(taken);
            }
            if (step !== 2) continue;
            const done = busy.shift();
            if (done === undefined) continue;
            queue.remove(done);
            removed.push(done);
          }
          const held = busy.reduce((sum, { size }) => sum + size, 0);
          assert.ok(queue.bytes <= Math.max(100, held + 40));
          assert.equal(queue.length + dropped + removed.length, sizes.length);
          for (const lane of [0, 1, 2]) {
            const order = removed.filter((batch) => batch.lane === lane).map(({ oldest }) => oldest);
            assert.deepEqual(
              order,
              order.toSorted((a, b) => a - b),
            );
          }
        },
      ),
    );
  });
});
