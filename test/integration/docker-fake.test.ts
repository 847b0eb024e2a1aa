import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { ContainerDescription } from '../../src/kernel/contracts/index.js';
import docker from '../../src/plugins/container-handlers/docker/index.js';
import podman from '../../src/plugins/container-handlers/podman/index.js';
import { TestAuthority } from '../support/certificates.js';
import { until } from '../support/discovery.js';
import { FakeEngine, fakeContainer, fakeEvent } from '../support/fake-engine.js';
import { HandlerBench, pluginContext } from '../support/handler-bench.js';

const idOf = (digit: string) => digit.repeat(64);
const A = idOf('a');
const B = idOf('b');
const pathOf = (id: string) => `/docker/${id}`;

describe('docker handler on a daemon that misbehaves', () => {
  let engine: FakeEngine;
  let context: ReturnType<typeof pluginContext>;
  let bench: HandlerBench | undefined;

  beforeEach(() => {
    engine = new FakeEngine();
    context = pluginContext();
  });
  afterEach(async () => {
    await bench?.handler.stop?.();
    context.dispose();
    await engine.dispose();
  });

  async function start(options: Record<string, unknown> = {}, plugin: typeof docker | typeof podman = docker) {
    const defaults = { endpoint: engine.endpoint, timeout: '300ms', grace: '100ms', resyncInterval: '1h' };
    bench = new HandlerBench(plugin.create(context, plugin.configSchema.parse({ ...defaults, ...options })));
    await bench.start();
    return bench;
  }
  const warnings = () => context.log.filter(({ level }) => level === 'warn').map(({ message }) => message);
  const up = (handler: HandlerBench) =>
    until(
      () => handler.handler.runtime!() !== undefined,
      () => JSON.stringify(context.log),
    );

  it('reads events that come in pieces or several at once', async () => {
    await engine.listen();
    const { accepted, watch } = await bound(start());
    engine.containers.set(A, fakeContainer(A, 'first'));
    engine.containers.set(B, fakeContainer(B, 'second'));
    const bytes = Buffer.from(fakeEvent(A, 'create').trim() + fakeEvent(B, 'start'));
    for (let at = 0; at < bytes.length; at += 50) engine.send(bytes.subarray(at, at + 50));
    for (const id of [A, B]) watch(pathOf(id));
    assert.equal((await accepted(pathOf(A))).aliases[0], 'first');
    assert.equal((await accepted(pathOf(B))).aliases[0], 'second');
  });

  it('goes on after an event that is not JSON, and says so once', async () => {
    await engine.listen();
    const { accepted, watch } = await bound(start());
    engine.containers.set(A, fakeContainer(A, 'web'));
    engine.send('{"broken\n<html>\n');
    engine.send(fakeEvent(A, 'start'));
    watch(pathOf(A));
    await accepted(pathOf(A));
    assert.deepEqual(warnings(), ['an event is not JSON and was left out']);
  });

  it('does not bring a container back by an answer that is older than its removal', async () => {
    await engine.listen();
    const { watch } = await bound(start({ timeout: '10s' }));
    engine.containers.set(A, fakeContainer(A, 'web'));
    engine.delay(`/containers/${A}`);
    engine.send(fakeEvent(A, 'die'));
    await until(
      () => engine.delayed === 1,
      () => engine.requests.join(' '),
    );
    engine.send(fakeEvent(A, 'destroy'));
    engine.containers.set(B, fakeContainer(B, 'other'));
    engine.send(fakeEvent(B, 'start'));
    await until(
      () => watch(pathOf(B)).verdict === 'accept',
      () => engine.requests.join(' '),
    );
    engine.release();
    await until(
      () => watch(pathOf(A)).verdict === 'pass',
      () => JSON.stringify(watch(pathOf(A))),
    );
  });

  for (const [first, removed] of [
    [false, false],
    [true, false],
    [true, true],
  ]) {
    const [answer, end] = [first ? 'the first' : 'a later', removed ? 'end and removal' : 'end'];
    it(`keeps the ${end} that came while ${answer} answer was under way`, async () => {
      await engine.listen();
      const { accepted, watch } = await bound(start({ timeout: '10s', tombstoneFor: '87600h' }));
      const inspected = () => engine.requests.filter((url) => url.startsWith(`/containers/${A}`)).length;
      engine.containers.set(A, fakeContainer(A, 'web'));
      if (!first) {
        engine.send(fakeEvent(A, 'start'));
        watch(pathOf(A));
        await accepted(pathOf(A));
      }
      const before = inspected();
      engine.delay(`/containers/${A}`);
      if (first) watch(pathOf(A));
      else engine.send(fakeEvent(A, 'oom'));
      await until(
        () => engine.delayed === 1,
        () => engine.requests.join(' '),
      );
      engine.containers.delete(A);
      engine.send(fakeEvent(A, 'die', { exitCode: '137' }));
      if (removed) engine.send(fakeEvent(A, 'destroy'));
      engine.containers.set(B, fakeContainer(B, 'after'));
      engine.send(fakeEvent(B, 'start'));
      watch(pathOf(B));
      await accepted(pathOf(B));
      engine.release();
      await until(
        () => inspected() > before + 1 || watch(pathOf(A)).verdict === 'pass',
        () => engine.requests.join(' '),
      );
      await until(
        () => bench!.handler.departed!().length > 0,
        () => engine.requests.join(' '),
      );
      const [ended] = bench!.handler.departed!();
      assert.equal(ended!.name, pathOf(A));
      assert.equal(ended!.description.state.exitCode, 137);
      assert.equal(ended!.description.state.status, 'exited');
    });
  }

  it('keeps the name of a container that is removed before its cgroup, and learns of its end from the events', async () => {
    await engine.listen();
    const { accepted, watch } = await bound(start({ timeout: '10s', tombstoneFor: '87600h' }));
    engine.containers.set(A, fakeContainer(A, 'web'));
    engine.send(fakeEvent(A, 'start'));
    watch(pathOf(A));
    await accepted(pathOf(A));
    engine.containers.delete(A);
    const asked = engine.requests.length;
    engine.send(fakeEvent(A, 'oom'));
    engine.containers.set(B, fakeContainer(B, 'after'));
    await until(
      () => engine.requests.length > asked,
      () => engine.requests.join(' '),
    );
    engine.send(fakeEvent(B, 'start'));
    watch(pathOf(B));
    await accepted(pathOf(B));
    engine.send(fakeEvent(A, 'die', { exitCode: '137' }));
    engine.send(fakeEvent(A, 'destroy'));
    await until(
      () => bench!.handler.departed!().length > 0,
      () => engine.requests.join(' '),
    );
    const verdict = watch(pathOf(A));
    assert.equal(verdict.verdict, 'accept');
    const { aliases, state } = (verdict as { description: ContainerDescription }).description;
    assert.deepEqual([aliases[0], state.status, state.exitCode], ['web', 'exited', 137]);
  });

  it('lets a path wait, then leaves it to others, and takes it when an event names it', async () => {
    await engine.listen();
    const { accepted, watch, verdicts } = await bound(start());
    const first = watch(pathOf(A));
    assert.equal(first.verdict, 'pending');
    await until(
      () => verdicts.get(pathOf(A))?.verdict === 'pass',
      () => JSON.stringify([...verdicts]),
    );
    engine.containers.set(A, fakeContainer(A, 'late'));
    engine.send(fakeEvent(A, 'start'));
    assert.equal((await accepted(pathOf(A))).aliases[0], 'late');
  });

  it('names containers that were there before the engine', async () => {
    const { accepted, watch, verdicts } = await bound(start());
    const shared = `/kubepods/pod1/${B}`;
    for (const path of [pathOf(A), shared]) assert.equal(watch(path).verdict, 'pending');
    const byId = await accepted(pathOf(A));
    assert.deepEqual([byId.aliases, byId.namespace, byId.stale], [[A], 'docker', true]);
    await until(
      () => verdicts.get(shared)?.verdict === 'pass',
      () => JSON.stringify([...verdicts]),
    );
    engine.containers.set(A, fakeContainer(A, 'web'));
    engine.containers.set(B, fakeContainer(B, 'pod'));
    await engine.listen();
    assert.equal((await accepted(pathOf(A), ({ stale }) => stale !== true)).aliases[0], 'web');
    assert.equal((await accepted(shared)).aliases[0], 'pod');
    assert.deepEqual(warnings(), []);
  });

  it('opens an ended stream again from where it was, without calling anything out of date', async () => {
    await engine.listen();
    engine.containers.set(A, fakeContainer(A, 'web'));
    const { accepted, watch } = await bound(start());
    watch(pathOf(A));
    await accepted(pathOf(A));
    const streams = () => engine.requests.filter((url) => url.startsWith('/events'));
    engine.send(fakeEvent(A, 'exec_start: x'));
    engine.send(fakeEvent(A, 'pause'));
    await until(
      () => engine.requests.filter((url) => url.includes(A)).length > 1,
      () => engine.requests.join(' '),
    );
    engine.endStreams();
    await until(
      () => streams().length === 2 && engine.listeners === 1,
      () => engine.requests.join(' '),
    );
    assert.match(streams()[1]!, /[?&]since=1767323045\.999999(&|$)/);
    assert.equal((await accepted(pathOf(A))).stale, undefined);
    assert.deepEqual(warnings(), []);
  });

  it('gives up on calls that hang, and says once that the engine is away', async () => {
    engine.containers.set(A, fakeContainer(A, 'web'));
    engine.overrides.set('/containers/json', 'hang');
    await engine.listen();
    const { accepted, watch } = await bound(start());
    watch(pathOf(A));
    await accepted(pathOf(A), ({ stale }) => stale === true);
    await until(
      () => engine.requests.filter((url) => url.startsWith('/containers/json')).length > 2,
      () => engine.requests.join(' '),
    );
    assert.equal(warnings().length, 1);
    assert.match(warnings()[0]!, /did not answer about the list of containers within 300 ms/);
    engine.overrides.clear();
    assert.equal((await accepted(pathOf(A), ({ stale }) => stale !== true)).aliases[0], 'web');
  });

  it('is not held up by one container that cannot be inspected', async () => {
    engine.containers.set(A, fakeContainer(A, 'stuck'));
    engine.containers.set(B, fakeContainer(B, 'fine'));
    engine.overrides.set(`/containers/${A}`, 'hang');
    await engine.listen();
    const { accepted, watch } = await bound(start());
    for (const id of [A, B]) watch(pathOf(id));
    assert.equal((await accepted(pathOf(B))).aliases[0], 'fine');
    const partly = await accepted(pathOf(A), ({ aliases }) => aliases[0] === 'stuck');
    assert.deepEqual([partly.image, partly.pid], ['shop/web:1', undefined]);
    assert.equal(partly.storage?.reason, 'the engine could not inspect the container');
    assert.equal(warnings().length, 1);
    assert.match(warnings()[0]!, /did not answer about container a{64} within 300 ms; it keeps what is known of it/);
    engine.overrides.clear();
    engine.send(fakeEvent(A, 'start'));
    await accepted(pathOf(A), ({ pid }) => pid !== undefined);
    assert.equal(context.log.at(-1)!.message, 'all containers can be inspected again');
  });

  it('asks an engine that is stuck less and less often', async () => {
    engine.containers.set(A, fakeContainer(A, 'stuck'));
    engine.overrides.set(`/containers/${A}`, 'hang');
    await engine.listen();
    const { accepted, watch } = await bound(start({ timeout: '100ms', resyncInterval: '20ms' }));
    watch(pathOf(A));
    await accepted(pathOf(A), ({ aliases }) => aliases[0] === 'stuck');
    const lists = () => engine.requests.filter((url) => url.startsWith('/containers/json')).length;
    await until(
      () => lists() > 40,
      () => engine.requests.join(' '),
    );
    const inspects = engine.requests.filter((url) => url.includes(A)).length;
    assert.ok(inspects * 4 <= lists(), `${inspects} of ${lists()}`);
    assert.equal(warnings().length, 1);
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
    it(`says what is wrong with ${what}, and recovers`, async () => {
      engine.containers.set(A, fakeContainer(A, 'web'));
      engine.overrides.set('/containers/json', override);
      await engine.listen();
      const { accepted, watch } = await bound(start());
      watch(pathOf(A));
      await accepted(pathOf(A));
      assert.equal(warnings().length, 1);
      assert.match(warnings()[0]!, message);
      engine.overrides.clear();
      assert.equal((await accepted(pathOf(A), ({ stale }) => stale !== true)).aliases[0], 'web');
    });
  }

  it('asks for no API version, so that engines of any age answer', async () => {
    await engine.listen();
    await up(await start());
    assert.ok(engine.requests.length >= 3);
    for (const url of engine.requests) assert.match(url, /^\/(version|info|events\?|containers\/json\?)/);
  });

  it('keeps a container of the containerd image store, with the reason why its layer is unknown', async () => {
    engine.containers.set(
      A,
      fakeContainer(A, 'web', { GraphDriver: null, Driver: 'overlayfs', State: { Running: true, Status: 'running' } }),
    );
    await engine.listen();
    const { accepted, watch } = await bound(start());
    watch(pathOf(A));
    const { storage } = await accepted(pathOf(A));
    assert.equal(storage!.writableLayer, undefined);
    assert.match(storage!.reason!, /storage driver \(overlayfs\) does not tell/);
  });

  it('leaves out what the options leave out', async () => {
    engine.containers.set(A, fakeContainer(A, 'web'));
    engine.containers.set(B, fakeContainer(B, 'db'));
    await engine.listen();
    const { watch } = await bound(start({ exclude: { names: ['db'] } }));
    assert.equal(watch(pathOf(A)).verdict, 'accept');
    assert.deepEqual(watch(pathOf(B)), { verdict: 'ignore', reason: 'exclude.names matches db' });
  });

  it('does not follow DOCKER_HOST of the agent’s environment', async () => {
    await engine.listen();
    process.env.DOCKER_HOST = 'tcp://127.0.0.1:1';
    try {
      await up(await start());
    } finally {
      delete process.env.DOCKER_HOST;
    }
  });

  it('speaks to engines on the network, in plain and with certificates on both sides', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tallyman-test-tls-'));
    const encrypted = new FakeEngine();
    try {
      const authority = new TestAuthority(directory);
      const [server, client] = [authority.issue('engine'), authority.issue('agent')];
      const plain = await engine.listenOnPort();
      const port = await encrypted.listenOnPort({
        cert: readFileSync(server.cert),
        key: readFileSync(server.key),
        ca: readFileSync(authority.ca),
        requestCert: true,
        rejectUnauthorized: true,
      });
      engine.containers.set(A, fakeContainer(A, 'plain'));
      encrypted.containers.set(B, fakeContainer(B, 'encrypted'));
      const endpoint = [`tcp://127.0.0.1:${plain}`, `https://127.0.0.1:${port}`];
      const { accepted, watch } = await bound(start({ endpoint, timeout: '5s', tls: { ca: authority.ca, ...client } }));
      for (const id of [A, B]) watch(pathOf(id));
      assert.equal((await accepted(pathOf(A))).aliases[0], 'plain');
      assert.equal((await accepted(pathOf(B), ({ stale }) => stale !== true)).aliases[0], 'encrypted');
    } finally {
      await bench!.handler.stop!();
      await encrypted.dispose();
      rmSync(directory, { recursive: true });
    }
  });

  it('says which certificate file is missing', async () => {
    await start({ endpoint: 'https://127.0.0.1:1', tls: { ca: '/nonexistent/ca.pem' } });
    await until(
      () => context.log.some(({ message }) => message.includes('/nonexistent/ca.pem')),
      () => JSON.stringify(context.log),
    );
  });

  it('joins several engines, also when one of them is away', async () => {
    const second = new FakeEngine();
    try {
      engine.containers.set(A, fakeContainer(A, 'here'));
      second.containers.set(B, fakeContainer(B, 'there'));
      await engine.listen();
      await second.listen();
      const { accepted, watch } = await bound(start({ endpoint: [engine.endpoint, second.endpoint] }));
      for (const id of [A, B]) watch(pathOf(id));
      assert.equal((await accepted(pathOf(A))).aliases[0], 'here');
      assert.equal((await accepted(pathOf(B))).aliases[0], 'there');
      await second.shut();
      await accepted(pathOf(B), ({ stale }) => stale === true);
      assert.equal((await accepted(pathOf(A))).stale, undefined);
    } finally {
      await bench!.handler.stop!();
      await second.dispose();
    }
  });

  it('knows Podman’s containers, pods and monitors', async () => {
    engine.version = { Version: '4.3.1', ApiVersion: '1.41' };
    engine.containers.set(A, fakeContainer(A, 'pod1-infra', { Driver: 'overlay' }));
    engine.containers.set(B, fakeContainer(B, 'inpod', { HostConfig: { NetworkMode: `container:${A}` } }));
    await engine.listen();
    const handler = await start({}, podman);
    const slice = '/machine.slice';
    handler.watch(`${slice}/libpod-${A}.scope`);
    handler.watch(`${slice}/libpod-${B}.scope`);
    const infra = await handler.accepted(`${slice}/libpod-${A}.scope`);
    assert.deepEqual([infra.namespace, infra.aliases[0], infra.networkMode], ['podman', 'pod1-infra', 'own']);
    assert.equal((await handler.accepted(`${slice}/libpod-${B}.scope`)).networkMode, 'shared');
    assert.equal(handler.watch(`${slice}/libpod-conmon-${A}.scope`).verdict, 'ignore');
    assert.equal(handler.watch(`${slice}/machine-libpod_pod_${A}.slice`).verdict, 'pass');
    assert.deepEqual(handler.handler.runtime!(), { name: 'podman', version: '4.3.1', apiVersion: '1.41' });
  });

  it('asks the engine about itself once for many, and says why when it cannot', async () => {
    const images = [{ Id: 'sha256:abc', RepoTags: ['shop/web:1'], Created: 1767323046, Size: 4096 }];
    const info = { ServerVersion: '29.0.1', Driver: 'overlay2', DriverStatus: [['Backing Filesystem', 'extfs']] };
    engine.overrides.set('/info', { status: 200, body: JSON.stringify({ ...info, Containers: 3 }) });
    engine.overrides.set('/images/json', { status: 200, body: JSON.stringify(images) });
    const { handler } = await start();
    const [absent] = await handler.engines!();
    assert.match(absent!.reason!, /no such socket/);
    await engine.listen();
    await up(bench!);
    const reports = await Promise.all(Array.from({ length: 10 }, () => handler.engines!()));
    const [report] = reports[9]!;
    assert.equal(report!.endpoint, engine.endpoint);
    assert.deepEqual(report!.info!.storageStatus, [{ name: 'Backing Filesystem', value: 'extfs' }]);
    assert.deepEqual(report!.info!.images, [
      { id: 'sha256:abc', tags: ['shop/web:1'], createdAt: 1767323046e6, size: 4096 },
    ]);
    assert.equal(report!.info!.containers.total, 3);
    assert.equal(engine.requests.filter((url) => url.startsWith('/images/json')).length, 1);
  });

  it('does not ask for disk usage unless told to, then once per interval', async () => {
    engine.overrides.set('/system/df', { status: 200, body: '{"LayersSize":4096}' });
    await engine.listen();
    const asked = () => engine.requests.filter((url) => url.startsWith('/system/df')).length;
    const { handler } = await start();
    await up(bench!);
    await handler.stop!();
    assert.equal(asked(), 0);
    const told = (await start({ engineUsage: true })).handler;
    await until(
      () => told.engineUsage!().length > 0,
      () => JSON.stringify(context.log),
    );
    const [usage] = told.engineUsage!();
    assert.deepEqual({ ...usage, askedAt: 0 }, { ...USAGE, endpoint: engine.endpoint, imagesBytes: 4096 });
    await engine.shut();
    await until(
      () => told.runtime!() === undefined,
      () => 'it does not notice',
    );
    await engine.listen();
    await up(bench!);
    assert.equal(told.engineUsage!().length, 1, 'the last answer stays');
    assert.equal(asked(), 1);
  });

  it('says once that an engine refuses its disk usage', async () => {
    engine.overrides.set('/system/df', { status: 500, body: '{"message":"busy"}' });
    await engine.listen();
    const { handler } = await start({ engineUsage: true });
    await until(
      () => warnings().length > 0,
      () => JSON.stringify(context.log),
    );
    assert.match(warnings().join(), /refused disk usage with status 500: busy; .* stay as last known/);
    assert.deepEqual(handler.engineUsage!(), []);
  });

  it('an engine that refuses to tell of itself has the reason, not an error', async () => {
    engine.overrides.set('/info', { status: 500, body: '{"message":"no"}' });
    engine.overrides.set('/images/json', { status: 200, body: 'null' });
    await engine.listen();
    const { handler } = await start();
    assert.match((await handler.engines!())[0]!.reason!, /refused info with status 500: no/);
  });
});

const USAGE = { runtime: 'docker', askedAt: 0, images: [], volumes: [] };

/** The bench's methods, usable on their own. */
async function bound(starting: Promise<HandlerBench>) {
  const bench = await starting;
  return { accepted: bench.accepted.bind(bench), watch: bench.watch.bind(bench), verdicts: bench.verdicts };
}
