import assert from 'node:assert/strict';
import http from 'node:http';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type Container, handlerFindings } from '../../src/kernel/containers/index.js';
import type { ContainerHandler, Finding } from '../../src/kernel/contracts/index.js';
import { methods } from '../../src/plugins/container-handlers/containerd/api.js';
import { diagnose } from '../../src/plugins/container-handlers/containerd/diagnosis.js';
import plugin from '../../src/plugins/container-handlers/containerd/index.js';
import cri from '../../src/plugins/container-handlers/cri/index.js';
import { until } from '../support/discovery.js';
import { FakeContainerd } from '../support/fake-containerd.js';
import { FakeCri } from '../support/fake-cri.js';
import { type FakeCall, GrpcServer } from '../support/grpc-server.js';
import { type HandlerBench, pluginContext, startHandler } from '../support/handler-bench.js';

const MANY = 300;

describe('the containerd handler', () => {
  let containerd: FakeContainerd;
  let context: ReturnType<typeof pluginContext>;
  let handler: ContainerHandler | undefined;

  beforeEach(() => {
    containerd = new FakeContainerd();
    context = pluginContext();
  });
  afterEach(async () => {
    await handler?.stop?.();
    handler = undefined;
    context.dispose();
    await containerd.dispose();
  });

  const start = async (options: Record<string, unknown> = {}): Promise<HandlerBench> => {
    const defaults = { endpoint: containerd.endpoint, timeout: '30s', grace: '100ms', resyncInterval: '1h' };
    const bench = await startHandler(plugin, context, { ...defaults, ...options });
    handler = bench.handler;
    return bench;
  };
  const warnings = () => context.log.filter(({ level }) => level === 'warn').map(({ message }) => message);
  const findings = async (): Promise<readonly Finding[]> => handler!.findings!();

  it('names all containers by one list, and new ones by their event', async () => {
    for (let index = 0; index < MANY; index++) containerd.add('shop', `c${index}`);
    await containerd.listen();
    const bench = await start();
    for (let index = 0; index < MANY; index++) {
      const path = `/shop/c${index}`;
      bench.watch(path);
      const { id, storage } = await bench.accepted(path, ({ imageId }) => imageId !== undefined);
      assert.deepEqual([id, storage], [`c${index}`, { writableLayer: `/layers/c${index}/fs` }]);
    }
    assert.equal(containerd.calls.get('/containerd.services.containers.v1.Containers/Get'), undefined);
    containerd.add('shop', 'new');
    containerd.tellCreated('shop', 'new');
    bench.watch('/shop/new');
    assert.equal((await bench.accepted('/shop/new')).id, 'new');
  });

  it('takes over the cgroups of containers whose socket came later', async () => {
    containerd.add('shop', 'late', {}, '/elsewhere/late');
    const bench = await start();
    assert.deepEqual(bench.watch('/elsewhere/late'), { verdict: 'pass' });
    await containerd.listen();
    assert.equal((await bench.accepted('/elsewhere/late')).id, 'late');
    assert.deepEqual(warnings(), []);
  });

  it('names the containers of the namespaces that were chosen, and no others', async () => {
    for (const namespace of ['shop', 'depot']) containerd.add(namespace, 'c');
    await containerd.listen();
    const bench = await start({ namespaces: ['sh*'] });
    assert.equal(bench.watch('/shop/c').verdict, 'accept');
    assert.equal(bench.watch('/depot/c').verdict, 'pass');
  });

  it('leaves out labels of 10 MiB, logs it once, and loses nothing else', async () => {
    const labels = {
      small: 'x',
      ...Object.fromEntries(Array.from({ length: 2600 }, (_, n) => [`k${n}`, 'x'.repeat(4096)])),
    };
    containerd.add('shop', 'many', { labels });
    containerd.add('shop', 'one', { labels: { large: 'x'.repeat(10 * 2 ** 20) } });
    containerd.add('shop', 'other', { labels: { tier: 'front' } });
    await containerd.listen();
    const bench = await start();
    const labelsOf = async (id: string): Promise<Readonly<Record<string, string>>> => {
      bench.watch(`/shop/${id}`);
      return (await bench.accepted(`/shop/${id}`)).labels;
    };
    const many = await labelsOf('many');
    assert.equal(many.small, 'x');
    assert.ok(JSON.stringify(many).length < 300 * 1024, `${JSON.stringify(many).length}`);
    assert.deepEqual(Object.keys(await labelsOf('one')).sort(), ['containerd.namespace', 'containerd.snapshotter']);
    assert.equal((await labelsOf('other')).tier, 'front');
    containerd.tellCreated('shop', 'one');
    containerd.add('shop', 'next');
    containerd.tellCreated('shop', 'next');
    bench.watch('/shop/next');
    await bench.accepted('/shop/next');
    assert.equal(warnings().length, 2);
    assert.match(warnings().join('\n'), /labels are left out that exceed 64 KiB each, 256 KiB in all: large/);
  });

  it('reports which containers claim one cgroup', async () => {
    containerd.add('shop', 'first', {}, '/shared');
    containerd.add('depot', 'second', {}, '/shared');
    containerd.add('shop', 'third');
    await containerd.listen();
    const bench = await start();
    const verdict = bench.watch('/shared');
    assert.equal(verdict.verdict, 'accept');
    const [finding, ...others] = await findings();
    assert.deepEqual(others, []);
    assert.equal(finding!.id, 'containerd-shared-cgroup');
    assert.equal(finding!.what, 'several containers claim one cgroup: /shared (shop/first, depot/second)');
  });

  it('is reported with CRI when containers of both are in one cgroup, and both keep their other names', async () => {
    const [uid, sandbox, app] = ['11111111-2222-3333-4444-555555555555', 'b'.repeat(64), 'a'.repeat(64)];
    const path = `/kubepods/pod${uid}/${app}`;
    const pods = new FakeCri();
    pods.pods.set(sandbox, { id: sandbox, name: 'web-0', namespace: 'shop', uid });
    pods.containers.set(app, { id: app, pod: sandbox, name: 'app' });
    containerd.add('shop', 'intruder', {}, path);
    containerd.add('shop', 'other');
    await Promise.all([containerd.listen(), pods.listen()]);
    const bench = await start();
    const second = await startHandler(cri, context, { endpoint: pods.endpoint });
    try {
      bench.watch(path);
      second.watch(path);
      await bench.accepted(path);
      await second.accepted(path);
      const instances = { containerd: handler, cri: second.handler };
      const plugins = {
        of: () => Object.entries(instances).map(([id, instance]) => ({ record: { id }, instance })) as never,
      };
      const containers = [path, '/shop/other'].map((name) => ({ name, handlerId: 'containerd' }) as Container);
      const found = (await handlerFindings(plugins, { all: () => containers })).filter(
        ({ id }) => id === 'shared-cgroup',
      );
      assert.deepEqual(
        found.map(({ severity, what }) => [severity, what]),
        [
          [
            'warning',
            `containers of several runtimes claim one cgroup: ${path} (intruder of containerd, shop/web-0/app of cri)`,
          ],
        ],
      );
      assert.match(found[0]!.mend, /use: cri, with: \{ exclude: \{ names: \[shop\/web-0\/app\]/);
      bench.watch('/shop/other');
      assert.equal((await bench.accepted('/shop/other')).id, 'other');
      second.watch(`/kubepods/pod${uid}/${sandbox}`);
      assert.equal((await second.accepted(`/kubepods/pod${uid}/${sandbox}`)).aliases[0], 'shop/web-0/POD');
    } finally {
      await second.handler.stop?.();
      await pods.dispose();
    }
  });

  it('leaves out events that it cannot read, logs it once, and gets the next', async () => {
    await containerd.listen();
    containerd.add('shop', 'next');
    const bench = await start();
    for (let round = 0; round < 3; round++) {
      containerd.tell({
        namespace: 'shop',
        topic: '/tasks/exit',
        event: { typeUrl: '', value: Uint8Array.of(15) },
      });
    }
    containerd.add('shop', 'seen');
    containerd.tellCreated('shop', 'seen');
    bench.watch('/shop/seen');
    await bench.accepted('/shop/seen');
    assert.equal(warnings().filter((message) => message.includes('cannot be read and was left out')).length, 1);
  });

  describe('keeps the end of a container that is killed in the moment it starts', () => {
    const endOf = async (bench: HandlerBench, path: string) => {
      const find = () => handler!.departed!().find(({ name }) => name === path)?.description.state;
      await until(
        () => find() !== undefined,
        () => `departed: ${JSON.stringify(handler!.departed!())}, ${bench.watch(path).verdict}`,
      );
      return find()!;
    };
    const isHolding = (method: { readonly path: string }, answers: number): Promise<void> =>
      until(
        () => containerd.holding(method) >= answers,
        () => `${containerd.holding(method)} answers are held, not ${answers}`,
      );
    const startEmpty = async (): Promise<HandlerBench> => {
      await containerd.listen();
      const bench = await start();
      containerd.add('shop', 'brief');
      return bench;
    };

    it('whose task is deleted before containerd is asked about it', async () => {
      const bench = await startEmpty();
      containerd.taskless.add('brief');
      containerd.tellExit('shop', 'brief', 137);
      containerd.tellCreated('shop', 'brief');
      const { status, exitCode } = await endOf(bench, '/shop/brief');
      assert.deepEqual([status, exitCode], ['exited', 137]);
    });

    it('and whose OOM kill is reported after its exit', async () => {
      const bench = await startEmpty();
      containerd.tellCreated('shop', 'brief');
      bench.watch('/shop/brief');
      await bench.accepted('/shop/brief');
      containerd.tellExit('shop', 'brief', 137);
      await endOf(bench, '/shop/brief');
      containerd.tellOutOfMemory('shop', 'brief');
      await until(
        () => handler!.departed!().some(({ description }) => description.state.oomKilled === true),
        () => JSON.stringify(handler!.departed!()),
      );
    });

    it('that is removed while containerd answers', async () => {
      const bench = await startEmpty();
      containerd.hold(methods.container);
      containerd.tellCreated('shop', 'brief');
      await isHolding(methods.container, 1);
      containerd.tellExit('shop', 'brief', 137);
      containerd.tellContainer('delete', 'shop', 'brief');
      containerd.add('shop', 'next');
      containerd.tellCreated('shop', 'next');
      await isHolding(methods.container, 2);
      containerd.release(methods.container);
      const { status, exitCode } = await endOf(bench, '/shop/brief');
      assert.deepEqual([status, exitCode], ['exited', 137]);
      assert.equal(bench.watch('/shop/brief').verdict, 'accept', 'its cgroup may go later than it');
    });

    it('that ends between the lists of tasks and of containers', async () => {
      containerd.add('shop', 'brief');
      await containerd.listen();
      containerd.hold(methods.containers);
      const starting = start();
      await isHolding(methods.containers, 1);
      containerd.tellExit('shop', 'brief', 137);
      containerd.add('shop', 'next');
      containerd.hold(methods.container);
      containerd.tellCreated('shop', 'next');
      await isHolding(methods.container, 1);
      containerd.release(methods.containers);
      const { status, exitCode } = await endOf(await starting, '/shop/brief');
      assert.deepEqual([status, exitCode], ['exited', 137]);
      containerd.release(methods.container);
    });

    it('that ends while the list is compared anew', async () => {
      containerd.add('shop', 'brief');
      await containerd.listen();
      const bench = await start({ resyncInterval: '50ms' });
      bench.watch('/shop/brief');
      await bench.accepted('/shop/brief');
      containerd.hold(methods.containers);
      await isHolding(methods.containers, 1);
      containerd.taskless.add('brief');
      containerd.tellExit('shop', 'brief', 137);
      await bench.accepted('/shop/brief', ({ state }) => state.status === 'exited');
      const asked = containerd.calls.get(methods.task.path) ?? 0;
      containerd.release(methods.containers);
      await until(
        () => (containerd.calls.get(methods.task.path) ?? 0) > asked,
        () => 'the task was not asked about again',
      );
      const { status, exitCode } = await endOf(bench, '/shop/brief');
      assert.deepEqual([status, exitCode], ['exited', 137]);
    });
  });

  it('has its names back when containerd is there again', async () => {
    containerd.add('shop', 'c');
    await containerd.listen();
    const bench = await start();
    bench.watch('/shop/c');
    await bench.accepted('/shop/c');
    await containerd.kill();
    await bench.accepted('/shop/c', ({ stale }) => stale === true);
    await containerd.listen();
    await bench.accepted('/shop/c', ({ stale }) => stale !== true);
    assert.equal(warnings().length, 1, warnings().join('\n'));
  });

  for (const [what, answer] of [
    ['never comes', () => {}],
    [
      'is garbage',
      (call: FakeCall) => {
        call.send(Uint8Array.of(0xff, 0xff, 0xff));
        call.end();
      },
    ],
    [
      'is cut in the middle',
      (call: FakeCall) => {
        call.send(methods.containers.answer.encode({ container: { id: 'c' } as never }));
        call.fail(14, 'connection dropped');
      },
    ],
  ] as const) {
    it(`logs once that a list ${what}, keeps names, and renews them afterwards`, async () => {
      for (const id of ['c', 'd']) containerd.add('shop', id);
      await containerd.listen();
      const bench = await start({ timeout: '3s', resyncInterval: '50ms' });
      for (const id of ['c', 'd']) bench.watch(`/shop/${id}`);
      await bench.accepted('/shop/d');
      containerd.overrides.set(methods.containers.path, answer);
      const { aliases } = await bench.accepted('/shop/d', ({ stale }) => stale === true);
      assert.equal(aliases[0], 'd');
      assert.equal((await findings())[0]?.id, 'containerd-unreachable');
      assert.equal(warnings().length, 1, warnings().join('\n'));
      assert.match(warnings()[0]!, /its containers keep their last description, marked stale/);
      containerd.overrides.clear();
      await bench.accepted('/shop/d', ({ stale }) => stale !== true);
      assert.deepEqual(await findings(), []);
    });
  }

  it('explains a socket that it may not use, as an error only where the socket was configured', () => {
    const knowledge = { claims: { contested: () => [] } };
    const daemon = { state: 'down', knowledge } as unknown as Parameters<typeof diagnose>[1];
    const endpoint = 'unix:///run/containerd/containerd.sock';
    const report = { runtime: 'containerd', endpoint, reason: 'permission denied (EACCES)' };
    const found = [false, true].map(
      (optional) => diagnose(report, daemon, { plugin: 'containerd', root: '/', optional })[0],
    );
    assert.deepEqual(
      found.map((finding) => [finding?.id, finding?.severity]),
      [
        ['containerd-denied', 'error'],
        ['containerd-denied', 'info'],
      ],
    );
    assert.match(found[0]!.mend, /^gid = <number of the group tallyman>/);
  });

  it('reports a socket that is not containerd’s', async () => {
    const service = await GrpcServer.listen(containerd.socket, {
      '/runtime.v1.RuntimeService/Version': (call) => call.end(),
    });
    await start();
    const [unknown] = await findings();
    assert.equal(unknown?.id, 'containerd-unreachable');
    assert.match(unknown.what, /refused its version \(gRPC status 12\)/);
    await service.kill();
    const web = http.createServer((_, response) => response.end('hello'));
    await new Promise<void>((resolve) => web.listen(containerd.socket, resolve));
    try {
      let what = '';
      const other = async () => {
        what = (await findings())[0]?.what ?? '';
        return what.includes('does not answer as a gRPC service');
      };
      await until(other, () => what);
    } finally {
      web.closeAllConnections();
      await new Promise((resolve) => web.close(resolve));
    }
    assert.equal(warnings().length, 1);
  });

  it('reports that a configured socket is absent', async () => {
    await start();
    assert.deepEqual(
      (await findings()).map(({ id, severity }) => [id, severity]),
      [['containerd-absent', 'error']],
    );
  });
});
