import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { diagnose } from '../../src/plugins/container-handlers/cri/diagnosis.js';
import cri from '../../src/plugins/container-handlers/cri/index.js';
import { WELL_KNOWN } from '../../src/plugins/container-handlers/cri/options.js';
import {
  APP,
  app,
  CriBench,
  hasStatus,
  IDENTITY,
  isFresh,
  NEXT,
  POD_PATH,
  pod,
  SANDBOX,
} from '../support/cri-bench.js';
import { until } from '../support/discovery.js';
import { FakeCri } from '../support/fake-cri.js';
import type { FakeCall } from '../support/grpc-server.js';

/** What the handler tries by default. */
const SOCKETS = WELL_KNOWN.map((endpoint) => endpoint.replace('unix://', ''));

const fixture = new CriBench();

describe('cri handler on a runtime that misbehaves', () => {
  afterEach(() => fixture.dispose());

  it('names pods that were there before the runtime', async () => {
    const fake = new FakeCri();
    const { accepted, watch } = await fixture.start(fake);
    watch(`${POD_PATH}/${APP}`);
    assert.deepEqual((await accepted(`${POD_PATH}/${APP}`)).aliases, [APP]);
    fake.pods.set(SANDBOX, pod());
    fake.containers.set(APP, app());
    await fake.listen();
    assert.equal((await accepted(`${POD_PATH}/${APP}`, isFresh)).aliases[0], 'shop/web-0/app');
    assert.deepEqual(fixture.warnings(), []);
  });

  for (const [what, answer] of [
    ['hangs', () => {}],
    [
      'answers with garbage',
      (call: FakeCall) => {
        call.send(Buffer.from([0xff, 0xff, 0xff]));
        call.end();
      },
    ],
    [
      'breaks off its answer',
      (call: { fail(status: number, text: string): void }) => call.fail(14, 'Connection dropped'),
    ],
  ] as const) {
    it(`logs once that a list ${what}, and has the names afterwards`, async () => {
      const fake = new FakeCri();
      fake.overrides.set('containers', answer);
      const { accepted, watch } = await fixture.startWithPod(fake, { timeout: '1s' });
      watch(`${POD_PATH}/${APP}`);
      await accepted(`${POD_PATH}/${APP}`, ({ stale }) => stale === true);
      await until(
        () => fixture.runtime.calls.filter((call) => call === 'containers').length > 2,
        () => fixture.runtime.calls.join(' '),
      );
      assert.equal(fixture.warnings().length, 1, fixture.warnings().join('\n'));
      assert.match(fixture.warnings()[0]!, /the list of containers|closed the connection|gRPC/);
      const [finding] = await fixture.bench.handler.findings!();
      assert.deepEqual([finding?.id, finding?.severity], ['cri-unreachable', 'error']);
      fake.overrides.clear();
      assert.equal((await accepted(`${POD_PATH}/${APP}`, isFresh)).aliases[0], 'shop/web-0/app');
    });
  }

  it('has all names although the status of one container hangs', async () => {
    const fake = new FakeCri();
    fake.containers.set(APP, app());
    fake.containers.set(NEXT, app({ id: NEXT, name: 'sidecar' }));
    fake.overrides.set('container', () => {});
    const { accepted, watch } = await fixture.startWithPod(fake, { timeout: '1s' });
    for (const id of [APP, NEXT]) watch(`${POD_PATH}/${id}`);
    assert.equal((await accepted(`${POD_PATH}/${APP}`)).aliases[0], 'shop/web-0/app');
    assert.equal((await accepted(`${POD_PATH}/${NEXT}`)).aliases[0], 'shop/web-0/sidecar');
    await until(
      () => fixture.warnings().length > 0,
      () => fixture.runtime.calls.join(' '),
    );
    assert.match(
      fixture.warnings()[0]!,
      /did not answer about a container within 1000 ms; it keeps what is known of it/,
    );
  });

  it('leaves out 10 MiB of labels, logs it, and loses nothing else', async () => {
    const fake = new FakeCri();
    const labels = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`huge-${i}`, 'x'.repeat(1024 * 1024)]));
    fake.containers.set(APP, app({ labels: { ...labels, tier: 'front' } }));
    const { accepted, watch } = await fixture.startWithPod(fake, { timeout: '10s' });
    watch(`${POD_PATH}/${APP}`);
    const description = await accepted(`${POD_PATH}/${APP}`, hasStatus);
    assert.deepEqual(description.labels, {
      ...IDENTITY,
      app: 'web',
      'io.kubernetes.container.name': 'app',
      tier: 'front',
    });
    assert.equal(fixture.warnings().length, 1);
    assert.match(fixture.warnings()[0]!, /labels are left out that exceed 64 KiB each/);
  });

  it('passes on what the runtime does not know, after some patience', async () => {
    await fixture.startWithPod(new FakeCri());
    const { watch, verdicts } = fixture.bound();
    const path = `${POD_PATH}/${NEXT}`;
    assert.equal(watch(path).verdict, 'pending');
    await until(
      () => verdicts.get(path)?.verdict === 'pass',
      () => JSON.stringify([...verdicts]),
    );
  });
});

describe('cri handler: endpoints', () => {
  afterEach(() => fixture.dispose());

  it('uses the first socket that serves the interface', async () => {
    const other = new FakeCri();
    const foreign = new FakeCri('containerd', 'v2' as 'v1');
    await foreign.listen();
    other.pods.set(SANDBOX, pod());
    await other.listen();
    const sockets = [`unix://${other.directory}/none.sock`, foreign.endpoint, other.endpoint];
    await fixture.start(other, { endpoint: sockets });
    try {
      await fixture.up();
      assert.equal(fixture.bench.handler.runtime!()?.version, 'v1.7.27');
      assert.deepEqual(foreign.calls, []);
      assert.deepEqual(await fixture.bench.handler.findings!(), []);
    } finally {
      await foreign.dispose();
    }
  });

  it('reports that there is no runtime without a warning', async () => {
    const fake = new FakeCri();
    await fixture.start(fake, { endpoint: [1, 2].map((n) => `unix://${fake.directory}/${n}.sock`) });
    await fixture.bench.handler.whenAnswered!();
    assert.deepEqual(fixture.warnings(), []);
    const [finding] = await fixture.bench.handler.findings!();
    assert.deepEqual([finding?.id, finding?.severity], ['cri-absent', 'error']);
    const reports = [
      { runtime: 'cri', endpoint: 'x', reason: 'unix:///run/containerd/containerd.sock: no such socket (ENOENT)' },
    ];
    assert.deepEqual(diagnose(reports, fixture.context, SOCKETS), [], 'no runtime is configured');
    const [denied] = diagnose(
      [{ ...reports[0]!, reason: 'unix:///run/crio/crio.sock: permission denied (EACCES)' }],
      fixture.context,
      SOCKETS,
    );
    assert.deepEqual([denied?.id, denied?.severity], ['cri-denied', 'info']);
    assert.match(denied!.mend, /^chgrp tallyman \/run\/crio\/crio.sock && /);
  });

  it('calls a socket that speaks something else by its name', async () => {
    const fake = new FakeCri();
    const server = createServer((socket) =>
      socket
        .on('error', () => {})
        .resume()
        .end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    );
    await new Promise<void>((resolve) => void server.listen(fake.socket, resolve));
    await fixture.start(fake);
    await until(
      () => fixture.warnings().length > 0,
      () => JSON.stringify(fixture.context.log),
    );
    assert.match(fixture.warnings()[0]!, /cri\.sock (does not answer as a gRPC service|closed the connection)/);
    await fixture.bench.handler.stop?.();
    await new Promise((resolve) => server.close(resolve));
  });

  for (const [endpoint, message] of [
    ['tcp://1.2.3.4:5', /expected the address of a unix socket such as unix:.*, not .*tcp:/],
    ['', /expected the address of a unix socket/],
  ] as const) {
    it(`refuses the endpoint ${JSON.stringify(endpoint)}`, async () => {
      await fixture.start();
      const { error } = cri.configSchema.safeParse({ endpoint });
      assert.match(JSON.stringify(error?.issues), message);
    });
  }

  it('leaves no connection behind when it is stopped', async () => {
    await fixture.startWithPod(new FakeCri());
    await fixture.up();
    const before = readdirSync('/proc/self/fd').length;
    await fixture.bench.handler.stop?.();
    await until(
      () => readdirSync('/proc/self/fd').length < before,
      () => 'its connection stays open',
    );
  });
});
