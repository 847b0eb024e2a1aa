import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { wire } from '../../src/plugins/container-handlers/common/index.js';
import {
  type ContainerRecord,
  type Envelope,
  EVENT,
  methods,
  TASK_EXIT,
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
  /** Ids of containers whose task was deleted. */
  readonly taskless = new Set<string>();
  /** Answers of a test instead of the usual ones, by method. */
  readonly overrides = new Map<string, (call: FakeCall) => void>();
  /** Answers that wait for `release`, by method. */
  private readonly held = new Map<string, (() => void)[]>();
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
        this.sendOrHold(method.path, () => {
          if (value === undefined) return call.fail(5, 'not found');
          call.send(method.answer.encode(value));
          call.end();
        });
      };
    };
    const find = (namespace: string, wanted: string) => this.containers.get(namespace)?.find(({ id }) => id === wanted);
    const task = (id: string, index: number) => ({ id, pid: 1_000_000 + index, status: TASK_STATUS.running });
    unary(methods.version, () => ({ version: '9.9.9' }));
    unary(methods.namespaces, () => ({ namespaces: [...this.containers.keys()].map((name) => ({ name })) }));
    unary(methods.plugins, () => ({ plugins: [] }));
    unary(methods.tasks, (_, namespace) => ({
      tasks: (this.containers.get(namespace) ?? [])
        .filter(({ id = '' }) => !this.taskless.has(id))
        .map(({ id = '' }, index) => task(id, index)) as never,
    }));
    unary(methods.task, ({ containerId }, namespace): Answer<typeof methods.task> | undefined =>
      find(namespace, containerId) === undefined || this.taskless.has(containerId)
        ? undefined
        : { process: task(containerId, 0) as never },
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
      const listed = this.containers.get(call.metadata('containerd-namespace') ?? '') ?? [];
      this.sendOrHold(methods.containers.path, () => {
        for (const container of listed) {
          call.send(methods.containers.answer.encode({ container: container as ContainerRecord }));
        }
        call.end();
      });
    };
    answers[methods.events.path] = (call) => {
      this.subscribers.push(call);
    };
    const overridable = Object.entries(answers).map(([path, answer]) => [
      path,
      (call: FakeCall) => (this.overrides.get(path) ?? answer)(call),
    ]);
    this.server = await GrpcServer.listen(this.socket, Object.fromEntries(overridable));
  }

  /** Adds a container; its cgroup is `/<namespace>/<id>` unless the options say otherwise. */
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
    this.tellContainer('create', namespace, id);
  }

  tellContainer(what: 'create' | 'delete', namespace: string, id: string): void {
    const event = { typeUrl: '', value: EVENT.encode({ id }) };
    this.tell({ namespace, topic: `/containers/${what}`, event });
  }

  /** Tells that the process of a container ended just now. */
  tellExit(namespace: string, id: string, exitStatus: number): void {
    const exitedAt = { seconds: Math.floor(Date.now() / 1000), nanos: 0 };
    const value = TASK_EXIT.encode({ containerId: id, id, exitStatus, exitedAt });
    this.tell({ namespace, topic: '/tasks/exit', event: { typeUrl: '', value } });
  }

  /** Tells that the kernel killed a process of a container for lack of memory. */
  tellOutOfMemory(namespace: string, id: string): void {
    this.tell({
      namespace,
      topic: '/tasks/oom',
      event: { typeUrl: '', value: EVENT.encode({ id }) },
    });
  }

  /** Keeps answers of a method, as they are when they are asked for, until `release`. */
  hold({ path }: { readonly path: string }): void {
    this.held.set(path, []);
  }

  /** Number of answers that are kept. */
  holding({ path }: { readonly path: string }): number {
    return this.held.get(path)?.length ?? 0;
  }

  release({ path }: { readonly path: string }): void {
    const answers = this.held.get(path) ?? [];
    this.held.delete(path);
    for (const answer of answers) answer();
  }

  private sendOrHold(path: string, answer: () => void): void {
    const held = this.held.get(path);
    if (held === undefined) answer();
    else held.push(answer);
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
