import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import podman from '../../src/plugins/container-handlers/podman/index.js';
import { TestAuthority } from '../support/certificates.js';
import { FakeEngine, fakeContainer } from '../support/fake-engine.js';
import { A, B, FakeEngineBench, pathOf } from '../support/fake-engine-bench.js';
import { needs } from '../support/needs.js';

describe('docker and podman handlers, and whom they ask', () => {
  let bench: FakeEngineBench;
  let engine: FakeEngine;

  beforeEach(() => {
    bench = new FakeEngineBench();
    engine = bench.engine;
  });
  afterEach(() => bench.dispose());

  it('speaks to engines on the network, in plain and with certificates on both sides', {
    skip: needs('openssl'),
  }, async () => {
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
      const { accepted, watch } = await bench.start({ endpoint, timeout: '5s', tls: { ca: authority.ca, ...client } });
      for (const id of [A, B]) watch(pathOf(id));
      assert.equal((await accepted(pathOf(A), ({ stale }) => stale !== true)).aliases[0], 'plain');
      assert.equal((await accepted(pathOf(B), ({ stale }) => stale !== true)).aliases[0], 'encrypted');
    } finally {
      await bench.handler.stop!();
      await encrypted.dispose();
      rmSync(directory, { recursive: true });
    }
  });

  it('reports which certificate file is missing', async () => {
    await bench.start({ endpoint: 'https://127.0.0.1:1', tls: { ca: '/nonexistent/ca.pem' } });
    await bench.until(() => bench.context.log.some(({ message }) => message.includes('/nonexistent/ca.pem')));
  });

  it('joins several engines, also when one of them is away', async () => {
    const second = new FakeEngine();
    try {
      engine.containers.set(A, fakeContainer(A, 'here'));
      second.containers.set(B, fakeContainer(B, 'there'));
      await engine.listen();
      await second.listen();
      const { accepted, watch } = await bench.start({ endpoint: [engine.endpoint, second.endpoint] });
      for (const id of [A, B]) watch(pathOf(id));
      assert.equal((await accepted(pathOf(A))).aliases[0], 'here');
      assert.equal((await accepted(pathOf(B))).aliases[0], 'there');
      await second.shut();
      await accepted(pathOf(B), ({ stale }) => stale === true);
      assert.equal((await accepted(pathOf(A))).stale, undefined);
    } finally {
      await bench.handler.stop!();
      await second.dispose();
    }
  });

  it('knows Podman’s containers, pods and monitors', async () => {
    engine.version = { Version: '4.3.1', ApiVersion: '1.41' };
    engine.containers.set(A, fakeContainer(A, 'pod1-infra', { Driver: 'overlay' }));
    engine.containers.set(B, fakeContainer(B, 'inpod', { HostConfig: { NetworkMode: `container:${A}` } }));
    await engine.listen();
    const handler = await bench.start({}, podman);
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

  it('asks the engine about itself once for many requests, and gives the reason when it cannot', async () => {
    const images = [{ Id: 'sha256:abc', RepoTags: ['shop/web:1'], Created: 1767323046, Size: 4096 }];
    const info = { ServerVersion: '29.0.1', Driver: 'overlay2', DriverStatus: [['Backing Filesystem', 'extfs']] };
    engine.overrides.set('/info', { status: 200, body: JSON.stringify({ ...info, Containers: 3 }) });
    engine.overrides.set('/images/json', { status: 200, body: JSON.stringify(images) });
    const { handler } = await bench.start();
    const [absent] = await handler.engines!();
    assert.match(absent!.reason!, /no such socket/);
    await engine.listen();
    await bench.up();
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

  it('does not ask for disk usage unless configured to, then once per interval', async () => {
    engine.overrides.set('/system/df', { status: 200, body: '{"LayersSize":4096}' });
    await engine.listen();
    const asked = () => engine.requests.filter((url) => url.startsWith('/system/df')).length;
    const { handler } = await bench.start();
    await bench.up();
    await handler.stop!();
    assert.equal(asked(), 0);
    const reported = (await bench.start({ engineUsage: true })).handler;
    await bench.until(() => reported.engineUsage!().length > 0);
    const [usage] = reported.engineUsage!();
    assert.deepEqual(
      { ...usage, askedAt: 0 },
      {
        runtime: 'docker',
        askedAt: 0,
        images: [],
        volumes: [],
        endpoint: engine.endpoint,
        imagesBytes: 4096,
      },
    );
    await engine.shut();
    await bench.until(() => reported.runtime!() === undefined);
    await engine.listen();
    await bench.up();
    assert.equal(reported.engineUsage!().length, 1, 'the last answer stays');
    assert.equal(asked(), 1);
  });

  it('logs once that an engine refuses its disk usage', async () => {
    engine.overrides.set('/system/df', { status: 500, body: '{"message":"busy"}' });
    await engine.listen();
    const { handler } = await bench.start({ engineUsage: true });
    await bench.until(() => bench.warnings().length > 0);
    assert.match(bench.warnings().join(), /refused disk usage with status 500: busy; .* stay as last known/);
    assert.deepEqual(handler.engineUsage!(), []);
  });

  it('an engine that refuses information about itself has the reason, not an error', async () => {
    engine.overrides.set('/info', { status: 500, body: '{"message":"no"}' });
    engine.overrides.set('/images/json', { status: 200, body: 'null' });
    await engine.listen();
    const { handler } = await bench.start();
    assert.match((await handler.engines!())[0]!.reason!, /refused info with status 500: no/);
  });
});
