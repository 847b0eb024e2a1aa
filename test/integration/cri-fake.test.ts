import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
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
  UID,
} from '../support/cri-bench.js';
import { until } from '../support/discovery.js';
import { CREATED_NS, FakeCri } from '../support/fake-cri.js';

const SLICE = `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${UID.replaceAll('-', '_')}.slice`;
const CREATED_US = Number(CREATED_NS / 1000n);

const fixture = new CriBench();

describe('cri handler: pods in the form of each runtime', () => {
  afterEach(() => fixture.dispose());

  for (const [flavour, version, prefix, namespace] of [
    ['containerd', 'v1', 'cri-containerd-', 'containerd'],
    ['containerd', 'v1alpha2', 'cri-containerd-', 'containerd'],
    ['cri-o', 'v1', 'crio-', 'crio'],
    ['docker', 'v1', '', 'docker'],
  ] as const) {
    it(`${flavour} with ${version}: pod, sandbox and container have names, labels, image and state`, async () => {
      const isPlain = prefix === '';
      const place = (id: string) => (isPlain ? `${POD_PATH}/${id}` : `${SLICE}/${prefix}${id}.scope`);
      const { accepted, watch } = await fixture.startWithPod(new FakeCri(flavour, version));
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
    const { watch } = await fixture.startWithPod(new FakeCri('docker'));
    fixture.runtimes = [{ name: 'docker', version: '28', apiVersion: '1.50' }];
    await fixture.up();
    assert.equal(watch(`${POD_PATH}/${APP}`).verdict, 'pass');
    assert.equal(watch(POD_PATH).verdict, 'accept');
  });

  it('ignores the monitors of CRI-O', async () => {
    const { watch } = await fixture.startWithPod(new FakeCri('cri-o'));
    assert.equal(watch(`${SLICE}/crio-conmon-${APP}.scope`).verdict, 'ignore');
  });

  it('has the host’s network for a sandbox in it', async () => {
    const fake = new FakeCri();
    fake.pods.set(SANDBOX, { ...pod(), hostNetwork: true });
    await fake.listen();
    const { accepted, watch } = await fixture.start(fake);
    watch(`${POD_PATH}/${SANDBOX}`);
    await accepted(`${POD_PATH}/${SANDBOX}`, ({ networkMode }) => networkMode === 'host');
  });

  it('publishes the labels, annotations and variables that are allowed, and which pod it is in any case', async () => {
    const fake = new FakeCri();
    fake.containers.set(APP, app({ labels: { tier: 'front', other: '1' }, env: ['APP_TIER=front', 'SECRET=x'] }));
    const options = { labelAllow: ['tier'], annotationAllow: ['example.com/own*'], envAllow: ['APP_*'] };
    const { accepted, watch } = await fixture.startWithPod(fake, options);
    watch(`${POD_PATH}/${APP}`);
    const { labels, envs } = await accepted(`${POD_PATH}/${APP}`, ({ envs }) => Object.keys(envs).length > 0);
    assert.deepEqual(labels, { ...IDENTITY, 'io.kubernetes.container.name': 'app', tier: 'front' });
    assert.deepEqual(envs, { app_tier: 'front' });
    watch(POD_PATH);
    assert.deepEqual((await accepted(POD_PATH)).labels, IDENTITY);
  });

  it('publishes an annotation under a name of its own', async () => {
    const { accepted, watch } = await fixture.startWithPod(new FakeCri(), { annotationAllow: ['example.com/own*'] });
    watch(POD_PATH);
    const { labels } = await accepted(POD_PATH);
    assert.deepEqual(labels, { ...IDENTITY, app: 'web', 'annotation.example.com/owner': 'ann' });
  });

  it('takes pods that exclude names out, and their containers with them', async () => {
    const { watch } = await fixture.startWithPod(new FakeCri(), { exclude: { names: ['shop/**'] } });
    await fixture.up();
    for (const path of [POD_PATH, `${POD_PATH}/${APP}`]) assert.equal(watch(path).verdict, 'ignore');
  });
});

for (const hasEvents of [true, false]) {
  describe(`cri handler on a runtime ${hasEvents ? 'with' : 'without'} events`, () => {
    beforeEach(async () => {
      await fixture.startWithPod(new FakeCri('containerd', 'v1', hasEvents));
      await fixture.up();
    });
    afterEach(() => fixture.dispose());

    it('learns of a container that starts, without listing everything again', async () => {
      const lists = () => fixture.runtime.calls.filter((call) => call === 'images').length;
      assert.equal(lists(), 1);
      fixture.runtime.containers.set(NEXT, app({ id: NEXT, name: 'sidecar' }));
      const { accepted, watch } = fixture.bound();
      watch(`${POD_PATH}/${NEXT}`);
      assert.equal((await accepted(`${POD_PATH}/${NEXT}`, hasStatus)).aliases[0], 'shop/web-0/sidecar');
      assert.equal(lists(), 1);
    });

    it('learns of a pod whose cgroup is there before the runtime lists it', async () => {
      const [id, uid] = ['f'.repeat(64), '99999999-2222-3333-4444-555555555555'];
      const { accepted, watch } = fixture.bound();
      const path = `/kubepods/pod${uid}`;
      watch(path);
      watch(`${path}/${id}`);
      await until(
        () => fixture.runtime.calls.filter((call) => call === 'sandboxes').length >= 3,
        () => fixture.runtime.calls.join(' '),
      );
      fixture.runtime.pods.set(id, { ...pod(), id, uid, name: 'late' });
      if (hasEvents) fixture.runtime.event(id);
      assert.equal((await accepted(path)).aliases[0], 'shop/late');
      assert.equal((await accepted(`${path}/${id}`)).aliases[0], 'shop/late/POD');
    });

    it('reports how a container ended, also after it is removed', async () => {
      const { accepted, watch } = fixture.bound();
      const path = `${POD_PATH}/${APP}`;
      watch(path);
      await accepted(path, hasStatus);
      Object.assign(fixture.runtime.containers.get(APP)!, { state: 'exited', exitCode: 137, reason: 'OOMKilled' });
      if (hasEvents) fixture.runtime.event(APP);
      fixture.bench.handler.forget!(path);
      await until(
        () => fixture.bench.handler.departed!().length === 1,
        () => fixture.runtime.calls.join(' '),
      );
      const [departed] = fixture.bench.handler.departed!();
      assert.equal(departed!.name, path);
      const { state } = departed!.description;
      assert.deepEqual(
        [state.status, state.exitCode, state.reason, state.oomKilled],
        ['exited', 137, 'OOMKilled', true],
      );
      assert.equal(state.finishedAt, CREATED_US + 2e6);
      fixture.runtime.containers.delete(APP);
      if (hasEvents) fixture.runtime.event(APP);
      else fixture.bench.handler.forget!(path);
      assert.equal(fixture.bench.handler.departed!().length, 1);
    });

    it('asks again about a container whose cgroup is gone before the runtime knows of its end', async () => {
      const { accepted, watch } = fixture.bound();
      const path = `${POD_PATH}/${APP}`;
      watch(path);
      await accepted(path, hasStatus);
      const asked = fixture.runtime.calls.filter((call) => call === 'container').length;
      fixture.bench.handler.forget!(path);
      await until(
        () => fixture.runtime.calls.filter((call) => call === 'container').length > asked,
        () => fixture.runtime.calls.join(' '),
      );
      assert.deepEqual(fixture.bench.handler.departed!(), []);
      Object.assign(fixture.runtime.containers.get(APP)!, { state: 'exited', exitCode: 3, reason: 'Error' });
      await until(
        () => fixture.bench.handler.departed!()[0]?.description.state.exitCode === 3,
        () => fixture.runtime.calls.join(' '),
      );
    });

    it('names the container that takes the place of one that ended, and counts the restart', async () => {
      Object.assign(fixture.runtime.containers.get(APP)!, { state: 'exited' });
      fixture.runtime.containers.set(NEXT, app({ id: NEXT, attempt: 1 }));
      const { accepted, watch } = fixture.bound();
      watch(`${POD_PATH}/${NEXT}`);
      const { restartCount, aliases } = await accepted(`${POD_PATH}/${NEXT}`, hasStatus);
      assert.deepEqual([restartCount, aliases[0]], [1, 'shop/web-0/app']);
    });

    it('keeps names while the runtime is away, marked as out of date, and renews them when it is back', async () => {
      const { accepted, watch } = fixture.bound();
      watch(`${POD_PATH}/${APP}`);
      watch(POD_PATH);
      await accepted(`${POD_PATH}/${APP}`, hasStatus);
      await fixture.runtime.kill();
      const stale = await accepted(`${POD_PATH}/${APP}`, (description) => !isFresh(description));
      assert.equal(stale.aliases[0], 'shop/web-0/app');
      assert.equal((await accepted(POD_PATH, (description) => !isFresh(description))).aliases[0], 'shop/web-0');
      assert.equal(fixture.warnings().length, 1);
      await fixture.runtime.listen();
      await accepted(`${POD_PATH}/${APP}`, isFresh);
    });
  });
}
