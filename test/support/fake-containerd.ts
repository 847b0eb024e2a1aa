import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { wire } from '../../src/plugins/container-handlers/common/index.js';
import {
  CONTAINER_EVENT,
  type ContainerRecord,
  type Envelope,
  methods,
  TASK_STATUS,
} from '../../src/plugins/container-handlers/containerd/api.js';
import { type FakeCall, GrpcServer } from './grpc-server.js';

type Answer<M extends { readonly answer: unknown }> = Partial<wire.Decoded<M['answer']>>;

/** A containerd made up of what a test says, with a task for each container. */
export class FakeContainerd {
  readonly directory = mkdtempSync(join(tmpdir(), 'tallyman-test-containerd-'));
  readonly socket = join(this.directory, 'containerd.sock');
  /** Containers by namespace. */
  readonly containers = new Map<string, Partial<ContainerRecord>[]>();
  /** Calls by method. */
  readonly calls = new Map<string, number>();
  private subscribers: FakeCall[] = [];
  private server: GrpcServer | undefined;

  get endpoint(): string {
    return `unix://${this.socket}`;
  }

  async listen(): Promise<void> {
    const answers: Record<string, (call: FakeCall) => void> = {};
    const unary = <Q, A>(
      method: { path: string; request: wire.Message<Q>; answer: wire.Message<A> },
      answer: (request: Q, namespace: string) => Partial<A> | undefined,
    ) => {
      answers[method.path] = (call) => {
        this.calls.set(method.path, (this.calls.get(method.path) ?? 0) + 1);
        const value = answer(method.request.decode(call.request), call.metadata('containerd-namespace') ?? '');
        if (value === undefined) return call.fail(5, 'not found');
        call.send(method.answer.encode(value));
        call.end();
      };
    };
    const find = (namespace: string, wanted: string) => this.containers.get(namespace)?.find(({ id }) => id === wanted);
    const task = (id: string, index: number) => ({ id, pid: 1_000_000 + index, status: TASK_STATUS.running });
    unary(methods.version, () => ({ version: '9.9.9' }));
    unary(methods.namespaces, () => ({ namespaces: [...this.containers.keys()].map((name) => ({ name })) }));
    unary(methods.plugins, () => ({ plugins: [] }));
    unary(methods.tasks, (_, namespace) => ({
      tasks: (this.containers.get(namespace) ?? []).map(({ id = '' }, index) => task(id, index)) as never,
    }));
    unary(methods.task, ({ containerId }, namespace): Answer<typeof methods.task> | undefined =>
      find(namespace, containerId) === undefined ? undefined : { process: task(containerId, 0) as never },
    );
    unary(methods.container, ({ id }, namespace): Answer<typeof methods.container> | undefined => {
      const container = find(namespace, id);
      return container === undefined ? undefined : { container: container as ContainerRecord };
    });
    unary(methods.mounts, ({ key }) => ({
      mounts: [{ type: 'overlay', source: 'overlay', options: [`upperdir=/layers/${key}/fs`] }],
    }));
    unary(methods.image, ({ name }) => ({
      image: { name, target: { mediaType: '', digest: `sha256:${name}`, size: 0 }, createdAt: undefined },
    }));
    answers[methods.containers.path] = (call) => {
      for (const container of this.containers.get(call.metadata('containerd-namespace') ?? '') ?? []) {
        call.send(methods.containers.answer.encode({ container: container as ContainerRecord }));
      }
      call.end();
    };
    answers[methods.events.path] = (call) => {
      this.subscribers.push(call);
    };
    this.server = await GrpcServer.listen(this.socket, answers);
  }

  /** Adds a container; its cgroup is `/<namespace>/<id>` unless it is told otherwise. */
  add(namespace: string, id: string, more: Partial<ContainerRecord> = {}, cgroup = `/${namespace}/${id}`): void {
    const spec = { linux: { cgroupsPath: cgroup, namespaces: [{ type: 'network' }] } };
    const container = {
      id,
      image: 'shop/web:1',
      snapshotter: 'overlayfs',
      snapshotKey: id,
      spec: { typeUrl: '', value: new TextEncoder().encode(JSON.stringify(spec)) },
      ...more,
    };
    this.containers.set(namespace, [...(this.containers.get(namespace) ?? []), container]);
  }

  /** Tells of a container that is there now. */
  tellCreated(namespace: string, id: string): void {
    this.tell({
      namespace,
      topic: '/containers/create',
      event: { typeUrl: '', value: CONTAINER_EVENT.encode({ id }) },
    });
  }

  tell(event: Partial<Envelope>): void {
    for (const call of this.subscribers) call.send(methods.events.answer.encode(event));
  }

  async kill(): Promise<void> {
    this.subscribers = [];
    await this.server?.kill();
  }

  async dispose(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
