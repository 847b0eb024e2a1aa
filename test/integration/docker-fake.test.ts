import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type FakeEngine, fakeContainer, fakeEvent } from '../support/fake-engine.js';
import { A, B, FakeEngineBench, pathOf } from '../support/fake-engine-bench.js';

describe('docker handler on a daemon that misbehaves', () => {
  let bench: FakeEngineBench;
  let engine: FakeEngine;

  beforeEach(() => {
    bench = new FakeEngineBench();
    engine = bench.engine;
  });
  afterEach(() => bench.dispose());

  it('lets a path wait, then leaves it to others, and takes it when an event names it', async () => {
    await engine.listen();
    const { accepted, watch, verdicts } = await bench.start({ grace: '100ms' });
    const first = watch(pathOf(A));
    assert.equal(first.verdict, 'pending');
    await bench.until(() => verdicts.get(pathOf(A))?.verdict === 'pass');
    engine.containers.set(A, fakeContainer(A, 'late'));
    engine.send(fakeEvent(A, 'start'));
    assert.equal((await accepted(pathOf(A))).aliases[0], 'late');
  });

  it('names containers that were there before the engine', async () => {
    const { accepted, watch, verdicts } = await bench.start({ grace: '100ms' });
    const shared = `/kubepods/pod1/${B}`;
    for (const path of [pathOf(A), shared]) assert.equal(watch(path).verdict, 'pending');
    const byId = await accepted(pathOf(A));
    assert.deepEqual([byId.aliases, byId.namespace, byId.stale], [[A], 'docker', true]);
    await bench.until(() => verdicts.get(shared)?.verdict === 'pass');
    engine.containers.set(A, fakeContainer(A, 'web'));
    engine.containers.set(B, fakeContainer(B, 'pod'));
    await engine.listen();
    assert.equal((await accepted(pathOf(A), ({ stale }) => stale !== true)).aliases[0], 'web');
    assert.equal((await accepted(shared)).aliases[0], 'pod');
    assert.deepEqual(bench.warnings(), []);
  });

  it('gives up on calls that hang, and logs once that the engine is away', async () => {
    engine.containers.set(A, fakeContainer(A, 'web'));
    engine.overrides.set('/containers/json', 'hang');
    await engine.listen();
    const { accepted, watch } = await bench.start({ timeout: '1s', grace: '100ms' });
    watch(pathOf(A));
    await accepted(pathOf(A), ({ stale }) => stale === true);
    await bench.until(() => engine.requests.filter((url) => url.startsWith('/containers/json')).length > 2);
    assert.equal(bench.warnings().length, 1);
    assert.match(bench.warnings()[0]!, /did not answer about the list of containers within 1000 ms/);
    engine.overrides.clear();
    assert.equal((await accepted(pathOf(A), ({ stale }) => stale !== true)).aliases[0], 'web');
  });

  it('is not held up by one container that cannot be inspected', async () => {
    engine.containers.set(A, fakeContainer(A, 'stuck'));
    engine.containers.set(B, fakeContainer(B, 'fine'));
    engine.overrides.set(`/containers/${A}`, 'hang');
    await engine.listen();
    const { accepted, watch } = await bench.start({ timeout: '1s', grace: '100ms' });
    for (const id of [A, B]) watch(pathOf(id));
    assert.equal((await accepted(pathOf(B))).aliases[0], 'fine');
    const partly = await accepted(pathOf(A), ({ aliases }) => aliases[0] === 'stuck');
    assert.deepEqual([partly.image, partly.pid], ['shop/web:1', undefined]);
    assert.equal(partly.storage?.reason, 'the engine could not inspect the container');
    await bench.until(() => bench.warnings().length === 1);
    assert.match(
      bench.warnings()[0]!,
      /did not answer about container a{64} within 1000 ms; it keeps what is known of it/,
    );
    engine.overrides.clear();
    engine.send(fakeEvent(A, 'start'));
    await accepted(pathOf(A), ({ pid }) => pid !== undefined);
    await bench.until(() => bench.context.log.at(-1)!.message === 'the engine answers about all containers again');
  });

  it('asks an engine that is stuck less and less often', async () => {
    engine.containers.set(A, fakeContainer(A, 'stuck'));
    engine.overrides.set(`/containers/${A}`, 'hang');
    await engine.listen();
    const { accepted, watch } = await bench.start({ timeout: '1s', grace: '100ms', resyncInterval: '20ms' });
    watch(pathOf(A));
    await accepted(pathOf(A), ({ aliases }) => aliases[0] === 'stuck');
    const lists = () => engine.requests.filter((url) => url.startsWith('/containers/json')).length;
    await bench.until(() => lists() > 40);
    const inspects = engine.requests.filter((url) => url.includes(A)).length;
    assert.ok(inspects * 4 <= lists(), `${inspects} of ${lists()}`);
    assert.equal(bench.warnings().length, 1, bench.warnings().join('\n'));
  });

  for (const [what, override, message] of [
    ['half a list', 'cut', /did not answer about the list of containers/],
    ['a list that is none', { status: 200, body: '{"oops":' }, /answered the list of containers with something else/],
    [
      'a refusal of old clients',
      { status: 400, body: '{"message":"client version 1.41 is too old. Minimum supported API version is 1.44"}' },
      /refused the list of containers with status 400: client version 1.41 is too old/,
    ],
  ] as const) {
    it(`reports what is wrong with ${what}, and recovers`, async () => {
      engine.containers.set(A, fakeContainer(A, 'web'));
      engine.overrides.set('/containers/json', override);
      await engine.listen();
      const { accepted, watch } = await bench.start({ timeout: '1s', grace: '100ms' });
      watch(pathOf(A));
      await accepted(pathOf(A));
      await bench.until(() => bench.warnings().length > 0);
      assert.equal(bench.warnings().length, 1);
      assert.match(bench.warnings()[0]!, message);
      engine.overrides.clear();
      assert.equal((await accepted(pathOf(A), ({ stale }) => stale !== true)).aliases[0], 'web');
    });
  }

  it('asks for no API version, so that engines of any age answer', async () => {
    await engine.listen();
    await bench.start();
    await bench.up();
    assert.ok(engine.requests.length >= 3);
    for (const url of engine.requests) assert.match(url, /^\/(version|info|events\?|containers\/json\?)/);
  });

  it('keeps a container of the containerd image store, with the reason why its layer is unknown', async () => {
    engine.containers.set(
      A,
      fakeContainer(A, 'web', { GraphDriver: null, Driver: 'overlayfs', State: { Running: true, Status: 'running' } }),
    );
    await engine.listen();
    const { accepted, watch } = await bench.start();
    watch(pathOf(A));
    const { storage } = await accepted(pathOf(A));
    assert.equal(storage!.writableLayer, undefined);
    assert.match(storage!.reason!, /storage driver \(overlayfs\) does not tell/);
  });

  it('leaves out what the options leave out', async () => {
    engine.containers.set(A, fakeContainer(A, 'web'));
    engine.containers.set(B, fakeContainer(B, 'db'));
    await engine.listen();
    const { watch } = await bench.start({ exclude: { names: ['db'] } });
    assert.equal(watch(pathOf(A)).verdict, 'accept');
    assert.deepEqual(watch(pathOf(B)), { verdict: 'ignore', reason: 'exclude.names matches db' });
  });

  it('does not follow DOCKER_HOST of the agent’s environment', async () => {
    await engine.listen();
    process.env.DOCKER_HOST = 'tcp://127.0.0.1:1';
    try {
      await bench.start();
      await bench.up();
    } finally {
      delete process.env.DOCKER_HOST;
    }
  });
});
