import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { ContainerDescription, RuntimeInfo } from '../../src/kernel/contracts/index.js';
import { diagnose } from '../../src/plugins/container-handlers/cri/diagnosis.js';
import cri from '../../src/plugins/container-handlers/cri/index.js';
import { WELL_KNOWN } from '../../src/plugins/container-handlers/cri/options.js';
import { until } from '../support/discovery.js';
import { CREATED_NS, FakeCri, type FakePodContainer } from '../support/fake-cri.js';
import type { FakeCall } from '../support/grpc-server.js';
import { type HandlerBench, pluginContext, startHandler } from '../support/handler-bench.js';

const SANDBOX = 'b'.repeat(64);
const APP = 'a'.repeat(64);
const NEXT = 'c'.repeat(64);
const UID = '11111111-2222-3333-4444-555555555555';
const POD_PATH = `/kubepods/burstable/pod${UID}`;
const SLICE = `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${UID.replaceAll('-', '_')}.slice`;
const pod = () => ({
  id: SANDBOX,
  name: 'web-0',
  namespace: 'shop',
  uid: UID,
  ip: '10.1.2.3',
  labels: { app: 'web' },
  annotations: { 'example.com/owner': 'ann', 'example.com/secret': 'x' },
});
const app = (more: Partial<FakePodContainer> = {}): FakePodContainer => ({
  id: APP,
  pod: SANDBOX,
  name: 'app',
  ...more,
});
const CREATED_US = Number(CREATED_NS / 1000n);
const IDENTITY = {
  'io.kubernetes.pod.name': 'web-0',
  'io.kubernetes.pod.namespace': 'shop',
  'io.kubernetes.pod.uid': UID,
};

/** What the handler tries by default. */
const criSockets = WELL_KNOWN.map((endpoint) => endpoint.replace('unix://', ''));

let runtime: FakeCri;
let bench: HandlerBench;
let runtimes: RuntimeInfo[] = [];
const newContext = () => pluginContext([], { runtimes: () => runtimes });
let context = newContext();

async function start(fake = new FakeCri(), options: Record<string, unknown> = {}): Promise<HandlerBench> {
  runtime = fake;
  context = newContext();
  const patient = { endpoint: fake.endpoint, timeout: '30s', grace: '100ms', resyncInterval: '1h' };
  bench = await startHandler(cri, context, { ...patient, ...options });
  return bench;
}

/** A runtime with one pod and one container in it. */
async function startWithPod(fake: FakeCri, options: Record<string, unknown> = {}): Promise<HandlerBench> {
  fake.pods.set(SANDBOX, pod());
  if (fake.containers.size === 0) fake.containers.set(APP, app());
  await fake.listen();
  return start(fake, options);
}

const warnings = () => context.log.filter(({ level }) => level === 'warn').map(({ message }) => message);
const isFresh = ({ stale }: ContainerDescription) => stale !== true;
const hasStatus = ({ image }: ContainerDescription) => image === 'registry.example/shop/web:1';
const up = () =>
  until(
    () => bench.handler.runtime!() !== undefined,
    () => JSON.stringify(context.log),
  );

async function dispose(): Promise<void> {
  runtimes = [];
  await bench.handler.stop?.();
  context.dispose();
  await runtime.dispose();
}

describe('cri handler: pods in the form of each runtime', () => {
  afterEach(dispose);

  for (const [flavour, version, prefix, namespace] of [
    ['containerd', 'v1', 'cri-containerd-', 'containerd'],
    ['containerd', 'v1alpha2', 'cri-containerd-', 'containerd'],
    ['cri-o', 'v1', 'crio-', 'crio'],
    ['docker', 'v1', '', 'docker'],
  ] as const) {
    it(`${flavour} with ${version}: pod, sandbox and container have names, labels, image and state`, async () => {
      const isPlain = prefix === '';
      const place = (id: string) => (isPlain ? `${POD_PATH}/${id}` : `${SLICE}/${prefix}${id}.scope`);
      const { accepted, watch } = parts(await startWithPod(new FakeCri(flavour, version)));
      for (const path of [isPlain ? POD_PATH : SLICE, place(SANDBOX), place(APP)]) watch(path);

      const container = await accepted(place(APP), hasStatus);
      assert.deepEqual(container.aliases, ['shop/web-0/app', APP, `k8s_app_web-0_shop_${UID}_0`]);
      assert.deepEqual(container.labels, { ...IDENTITY, app: 'web', 'io.kubernetes.container.name': 'app' });
      const digest = `registry.example/shop/web@sha256:${'d'.repeat(64)}`;
      assert.equal(container.imageId, isPlain ? `docker-pullable://${digest}` : digest);
      assert.deepEqual(
        [container.namespace, container.networkMode, container.networkOf],
        [namespace, 'shared', SANDBOX],
      );
      assert.deepEqual(container.state, {
        status: 'running',
        startedAt: CREATED_US + 1e6,
        startedAtExtraNs: 123,
      });
      assert.equal(container.createdAt, CREATED_US);
      assert.equal(container.storage?.ownDirectory, `/var/log/pods/shop_web-0_${UID}/app`);

      const sandbox = await accepted(place(SANDBOX), ({ addresses }) => addresses !== undefined);
      assert.equal(sandbox.aliases[0], 'shop/web-0/POD');
      assert.deepEqual(sandbox.labels, { ...IDENTITY, app: 'web', 'io.kubernetes.container.name': 'POD' });
      assert.deepEqual([sandbox.networkMode, sandbox.addresses], ['own', ['10.1.2.3']]);
      assert.equal(sandbox.image, isPlain ? undefined : 'registry.k8s.io/pause:3.9');

      const around = await accepted(isPlain ? POD_PATH : SLICE);
      assert.deepEqual(around.aliases, ['shop/web-0', UID]);
      assert.deepEqual(around.labels, { ...IDENTITY, app: 'web' });
      assert.deepEqual([around.image, around.state], [undefined, { status: 'running' }]);
    });
  }

  it('leaves the containers of cri-dockerd to the docker handler where that has reached Docker', async () => {
    const { watch } = parts(await startWithPod(new FakeCri('docker')));
    runtimes = [{ name: 'docker', version: '28', apiVersion: '1.50' }];
    await up();
    assert.equal(watch(`${POD_PATH}/${APP}`).verdict, 'pass');
    assert.equal(watch(POD_PATH).verdict, 'accept');
  });

  it('ignores the monitors of CRI-O', async () => {
    const { watch } = parts(await startWithPod(new FakeCri('cri-o')));
    assert.equal(watch(`${SLICE}/crio-conmon-${APP}.scope`).verdict, 'ignore');
  });

  it('has the host’s network for a sandbox in it', async () => {
    const fake = new FakeCri();
    fake.pods.set(SANDBOX, { ...pod(), hostNetwork: true });
    await fake.listen();
    const { accepted, watch } = parts(await start(fake));
    watch(`${POD_PATH}/${SANDBOX}`);
    await accepted(`${POD_PATH}/${SANDBOX}`, ({ networkMode }) => networkMode === 'host');
  });

  it('publishes the labels, annotations and variables that are allowed, and which pod it is in any case', async () => {
    const fake = new FakeCri();
    fake.containers.set(APP, app({ labels: { tier: 'front', other: '1' }, env: ['APP_TIER=front', 'SECRET=x'] }));
    const options = { labelAllow: ['tier'], annotationAllow: ['example.com/own*'], envAllow: ['APP_*'] };
    const { accepted, watch } = parts(await startWithPod(fake, options));
    watch(`${POD_PATH}/${APP}`);
    const { labels, envs } = await accepted(`${POD_PATH}/${APP}`, ({ envs }) => Object.keys(envs).length > 0);
    assert.deepEqual(labels, { ...IDENTITY, 'io.kubernetes.container.name': 'app', tier: 'front' });
    assert.deepEqual(envs, { app_tier: 'front' });
    watch(POD_PATH);
    assert.deepEqual((await accepted(POD_PATH)).labels, IDENTITY);
  });

  it('publishes an annotation under a name of its own', async () => {
    const { accepted, watch } = parts(await startWithPod(new FakeCri(), { annotationAllow: ['example.com/own*'] }));
    watch(POD_PATH);
    const { labels } = await accepted(POD_PATH);
    assert.deepEqual(labels, { ...IDENTITY, app: 'web', 'annotation.example.com/owner': 'ann' });
  });

  it('takes pods that exclude names out, and their containers with them', async () => {
    const { watch } = parts(await startWithPod(new FakeCri(), { exclude: { names: ['shop/**'] } }));
    await up();
    for (const path of [POD_PATH, `${POD_PATH}/${APP}`]) assert.equal(watch(path).verdict, 'ignore');
  });
});

for (const hasEvents of [true, false]) {
  describe(`cri handler on a runtime ${hasEvents ? 'with' : 'without'} events`, () => {
    beforeEach(async () => {
      await startWithPod(new FakeCri('containerd', 'v1', hasEvents));
      await up();
    });
    afterEach(dispose);

    it('learns of a container that starts, without listing everything again', async () => {
      const lists = () => runtime.calls.filter((call) => call === 'images').length;
      assert.equal(lists(), 1);
      runtime.containers.set(NEXT, app({ id: NEXT, name: 'sidecar' }));
      const { accepted, watch } = parts(bench);
      watch(`${POD_PATH}/${NEXT}`);
      assert.equal((await accepted(`${POD_PATH}/${NEXT}`, hasStatus)).aliases[0], 'shop/web-0/sidecar');
      assert.equal(lists(), 1);
    });

    it('learns of a pod whose cgroup is there before the runtime lists it', async () => {
      const [id, uid] = ['f'.repeat(64), '99999999-2222-3333-4444-555555555555'];
      const { accepted, watch } = parts(bench);
      const path = `/kubepods/pod${uid}`;
      watch(path);
      watch(`${path}/${id}`);
      await until(
        () => runtime.calls.filter((call) => call === 'sandboxes').length >= 3,
        () => runtime.calls.join(' '),
      );
      runtime.pods.set(id, { ...pod(), id, uid, name: 'late' });
      if (hasEvents) runtime.event(id);
      assert.equal((await accepted(path)).aliases[0], 'shop/late');
      assert.equal((await accepted(`${path}/${id}`)).aliases[0], 'shop/late/POD');
    });

    it('reports how a container ended, also after it is removed', async () => {
      const { accepted, watch } = parts(bench);
      const path = `${POD_PATH}/${APP}`;
      watch(path);
      await accepted(path, hasStatus);
      Object.assign(runtime.containers.get(APP)!, { state: 'exited', exitCode: 137, reason: 'OOMKilled' });
      if (hasEvents) runtime.event(APP);
      bench.handler.forget!(path);
      await until(
        () => bench.handler.departed!().length === 1,
        () => runtime.calls.join(' '),
      );
      const [departed] = bench.handler.departed!();
      assert.equal(departed!.name, path);
      const { state } = departed!.description;
      assert.deepEqual(
        [state.status, state.exitCode, state.reason, state.oomKilled],
        ['exited', 137, 'OOMKilled', true],
      );
      assert.equal(state.finishedAt, CREATED_US + 2e6);
      runtime.containers.delete(APP);
      if (hasEvents) runtime.event(APP);
      else bench.handler.forget!(path);
      assert.equal(bench.handler.departed!().length, 1);
    });

    it('asks again about a container whose cgroup is gone before the runtime knows of its end', async () => {
      const { accepted, watch } = parts(bench);
      const path = `${POD_PATH}/${APP}`;
      watch(path);
      await accepted(path, hasStatus);
      const asked = runtime.calls.filter((call) => call === 'container').length;
      bench.handler.forget!(path);
      await until(
        () => runtime.calls.filter((call) => call === 'container').length > asked,
        () => runtime.calls.join(' '),
      );
      assert.deepEqual(bench.handler.departed!(), []);
      Object.assign(runtime.containers.get(APP)!, { state: 'exited', exitCode: 3, reason: 'Error' });
      await until(
        () => bench.handler.departed!()[0]?.description.state.exitCode === 3,
        () => runtime.calls.join(' '),
      );
    });

    it('names the container that takes the place of one that ended, and counts the restart', async () => {
      Object.assign(runtime.containers.get(APP)!, { state: 'exited' });
      runtime.containers.set(NEXT, app({ id: NEXT, attempt: 1 }));
      const { accepted, watch } = parts(bench);
      watch(`${POD_PATH}/${NEXT}`);
      const { restartCount, aliases } = await accepted(`${POD_PATH}/${NEXT}`, hasStatus);
      assert.deepEqual([restartCount, aliases[0]], [1, 'shop/web-0/app']);
    });

    it('keeps names while the runtime is away, marked as out of date, and renews them when it is back', async () => {
      const { accepted, watch } = parts(bench);
      watch(`${POD_PATH}/${APP}`);
      watch(POD_PATH);
      await accepted(`${POD_PATH}/${APP}`, hasStatus);
      await runtime.kill();
      const stale = await accepted(`${POD_PATH}/${APP}`, (description) => !isFresh(description));
      assert.equal(stale.aliases[0], 'shop/web-0/app');
      assert.equal((await accepted(POD_PATH, (description) => !isFresh(description))).aliases[0], 'shop/web-0');
      assert.equal(warnings().length, 1);
      await runtime.listen();
      await accepted(`${POD_PATH}/${APP}`, isFresh);
    });
  });
}

describe('cri handler on a runtime that misbehaves', () => {
  afterEach(dispose);

  it('names pods that were there before the runtime', async () => {
    const fake = new FakeCri();
    const { accepted, watch } = parts(await start(fake));
    watch(`${POD_PATH}/${APP}`);
    assert.deepEqual((await accepted(`${POD_PATH}/${APP}`)).aliases, [APP]);
    fake.pods.set(SANDBOX, pod());
    fake.containers.set(APP, app());
    await fake.listen();
    assert.equal((await accepted(`${POD_PATH}/${APP}`, isFresh)).aliases[0], 'shop/web-0/app');
    assert.deepEqual(warnings(), []);
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
      const { accepted, watch } = parts(await startWithPod(fake, { timeout: '1s' }));
      watch(`${POD_PATH}/${APP}`);
      await accepted(`${POD_PATH}/${APP}`, ({ stale }) => stale === true);
      await until(
        () => runtime.calls.filter((call) => call === 'containers').length > 2,
        () => runtime.calls.join(' '),
      );
      assert.equal(warnings().length, 1, warnings().join('\n'));
      assert.match(warnings()[0]!, /the list of containers|closed the connection|gRPC/);
      const [finding] = await bench.handler.findings!();
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
    const { accepted, watch } = parts(await startWithPod(fake, { timeout: '1s' }));
    for (const id of [APP, NEXT]) watch(`${POD_PATH}/${id}`);
    assert.equal((await accepted(`${POD_PATH}/${APP}`)).aliases[0], 'shop/web-0/app');
    assert.equal((await accepted(`${POD_PATH}/${NEXT}`)).aliases[0], 'shop/web-0/sidecar');
    await until(
      () => warnings().length > 0,
      () => runtime.calls.join(' '),
    );
    assert.match(warnings()[0]!, /did not answer about a container within 1000 ms; it keeps what is known of it/);
  });

  it('leaves out 10 MiB of labels, logs it, and loses nothing else', async () => {
    const fake = new FakeCri();
    const labels = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`huge-${i}`, 'x'.repeat(1024 * 1024)]));
    fake.containers.set(APP, app({ labels: { ...labels, tier: 'front' } }));
    const { accepted, watch } = parts(await startWithPod(fake, { timeout: '10s' }));
    watch(`${POD_PATH}/${APP}`);
    const description = await accepted(`${POD_PATH}/${APP}`, hasStatus);
    assert.deepEqual(description.labels, {
      ...IDENTITY,
      app: 'web',
      'io.kubernetes.container.name': 'app',
      tier: 'front',
    });
    assert.equal(warnings().length, 1);
    assert.match(warnings()[0]!, /labels are left out that exceed 64 KiB each/);
  });

  it('passes on what the runtime does not know, after some patience', async () => {
    await startWithPod(new FakeCri());
    const { watch, verdicts } = parts(bench);
    const path = `${POD_PATH}/${NEXT}`;
    assert.equal(watch(path).verdict, 'pending');
    await until(
      () => verdicts.get(path)?.verdict === 'pass',
      () => JSON.stringify([...verdicts]),
    );
  });
});

describe('cri handler: endpoints', () => {
  afterEach(dispose);

  it('uses the first socket that serves the interface', async () => {
    const other = new FakeCri();
    const foreign = new FakeCri('containerd', 'v2' as 'v1');
    await foreign.listen();
    other.pods.set(SANDBOX, pod());
    await other.listen();
    const sockets = [`unix://${other.directory}/none.sock`, foreign.endpoint, other.endpoint];
    await start(other, { endpoint: sockets });
    try {
      await up();
      assert.equal(bench.handler.runtime!()?.version, 'v1.7.27');
      assert.deepEqual(foreign.calls, []);
      assert.deepEqual(await bench.handler.findings!(), []);
    } finally {
      await foreign.dispose();
    }
  });

  it('reports that there is no runtime without a warning', async () => {
    runtime = new FakeCri();
    context = newContext();
    bench = await startHandler(cri, context, {
      endpoint: [1, 2].map((n) => `unix://${runtime.directory}/${n}.sock`),
    });
    await bench.handler.whenAnswered!();
    assert.deepEqual(warnings(), []);
    const [finding] = await bench.handler.findings!();
    assert.deepEqual([finding?.id, finding?.severity], ['cri-absent', 'error']);
    const reports = [
      { runtime: 'cri', endpoint: 'x', reason: 'unix:///run/containerd/containerd.sock: no such socket (ENOENT)' },
    ];
    assert.deepEqual(diagnose(reports, context, criSockets), [], 'nobody asked for a runtime');
    const [denied] = diagnose(
      [{ ...reports[0]!, reason: 'unix:///run/crio/crio.sock: permission denied (EACCES)' }],
      context,
      criSockets,
    );
    assert.deepEqual([denied?.id, denied?.severity], ['cri-denied', 'info']);
    assert.match(denied!.mend, /^chgrp tallyman \/run\/crio\/crio.sock && /);
  });

  it('calls a socket that speaks something else by its name', async () => {
    runtime = new FakeCri();
    const server = createServer((socket) =>
      socket
        .on('error', () => {})
        .resume()
        .end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    );
    await new Promise<void>((resolve) => void server.listen(runtime.socket, resolve));
    await start(runtime);
    await until(
      () => warnings().length > 0,
      () => JSON.stringify(context.log),
    );
    assert.match(warnings()[0]!, /cri\.sock (does not answer as a gRPC service|closed the connection)/);
    await bench.handler.stop?.();
    await new Promise((resolve) => server.close(resolve));
  });

  for (const [endpoint, message] of [
    ['tcp://1.2.3.4:5', /expected the address of a unix socket such as unix:.*, not .*tcp:/],
    ['', /expected the address of a unix socket/],
  ] as const) {
    it(`refuses the endpoint ${JSON.stringify(endpoint)}`, async () => {
      await start();
      const { error } = cri.configSchema.safeParse({ endpoint });
      assert.match(JSON.stringify(error?.issues), message);
    });
  }

  it('leaves no connection behind when it is stopped', async () => {
    await startWithPod(new FakeCri());
    await up();
    const before = readdirSync('/proc/self/fd').length;
    await bench.handler.stop?.();
    await until(
      () => readdirSync('/proc/self/fd').length < before,
      () => 'its connection stays open',
    );
  });
});

function parts(of: HandlerBench) {
  return { accepted: of.accepted.bind(of), watch: of.watch.bind(of), verdicts: of.verdicts };
}
