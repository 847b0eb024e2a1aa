import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { wire } from '../../src/plugins/container-handlers/common/index.js';
import { type CriVersion, criMethods } from '../../src/plugins/container-handlers/cri/messages.js';
import { type FakeCall, GrpcServer } from './grpc-server.js';

type Methods = ReturnType<typeof criMethods>;
type MethodName = keyof Methods;

/** In which form a runtime gives its answers, as its documentation and sources say. */
export type CriFlavour = 'containerd' | 'cri-o' | 'docker';

export interface FakePod {
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly attempt?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ip?: string;
  readonly hostNetwork?: boolean;
  ready?: boolean;
}

export interface FakePodContainer {
  readonly id: string;
  readonly pod: string;
  readonly name: string;
  readonly attempt?: number;
  readonly image?: string;
  readonly imageId?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly env?: readonly string[];
  pid?: number;
  state?: 'created' | 'running' | 'exited';
  exitCode?: number;
  reason?: string;
}

/** When everything was made, ns since the epoch: not long ago, so that ends are remembered. */
export const CREATED_NS = BigInt(Date.now() - 10_000) * 1_000_000n + 123n;
const SECOND = 1_000_000_000n;
const STATES = { created: 0, running: 1, exited: 2 } as const;
const UNKNOWN_ID = 5;

/** A runtime behind the Container Runtime Interface, on a socket of its own. */
export class FakeCri {
  readonly directory = mkdtempSync(join(tmpdir(), 'tallyman-test-cri-'));
  readonly socket = join(this.directory, 'cri.sock');
  readonly endpoint = `unix://${this.socket}`;
  readonly pods = new Map<string, FakePod>();
  readonly containers = new Map<string, FakePodContainer>();
  /** Names of the methods that were called, in order. */
  readonly calls: MethodName[] = [];
  /** Answers of a test instead of the usual ones. */
  readonly overrides = new Map<MethodName, (call: FakeCall) => void>();
  private readonly listeners = new Set<FakeCall>();
  private server: GrpcServer | undefined;

  constructor(
    readonly flavour: CriFlavour = 'containerd',
    private readonly version: CriVersion = 'v1',
    private readonly hasEvents = true,
  ) {}

  async listen(): Promise<void> {
    const methods = criMethods(this.version);
    const answers: Record<MethodName, (call: FakeCall) => void> = {
      version: (call) => this.sendVersion(methods, call),
      sandboxes: (call) => this.sendSandboxes(methods, call),
      containers: (call) => this.sendContainers(methods, call),
      sandbox: (call) => this.sendSandbox(methods, call),
      container: (call) => this.sendContainer(methods, call),
      events: (call) => void this.listeners.add(call),
      images: (call) => finish(call, methods.images.answer, { images: this.images() }),
    };
    const served = (Object.keys(answers) as MethodName[]).filter((name) => name !== 'events' || this.hasEvents);
    this.server = await GrpcServer.listen(
      this.socket,
      Object.fromEntries(
        served.map((name) => [
          methods[name].path,
          (call: FakeCall) => {
            this.calls.push(name);
            (this.overrides.get(name) ?? answers[name])(call);
          },
        ]),
      ),
    );
  }

  /** Tells that something happened to a container or sandbox. */
  event(id: string): void {
    const { answer } = criMethods(this.version).events;
    for (const call of this.listeners) if (!call.cancelled) call.send(answer.encode({ containerId: id }));
  }

  /** Ends abruptly, as a daemon that is killed. */
  async kill(): Promise<void> {
    this.listeners.clear();
    await this.server?.kill();
    this.server = undefined;
  }

  async dispose(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true });
  }

  private sendVersion({ version }: Methods, call: FakeCall): void {
    const runtimeVersion = { containerd: 'v1.7.27', 'cri-o': '1.33.1', docker: '28.2.2' }[this.flavour];
    finish(call, version.answer, { runtimeName: this.flavour, runtimeVersion, apiVersion: this.version });
  }

  private sendSandboxes({ sandboxes }: Methods, call: FakeCall): void {
    const { id = '', labels = {} } = sandboxes.request.decode(call.request).filter ?? {};
    const uid = labels['io.kubernetes.pod.uid'];
    const wanted = [...this.pods.values()].filter(
      (pod) => (id === '' || pod.id === id) && (uid ?? pod.uid) === pod.uid,
    );
    const items = wanted.map((pod) => ({
      id: pod.id,
      metadata: { name: pod.name, uid: pod.uid, namespace: pod.namespace, attempt: pod.attempt ?? 0 },
      state: pod.ready === false ? 1 : 0,
      createdAt: CREATED_NS,
      labels: { ...podLabels(pod), ...pod.labels },
      annotations: pod.annotations ?? {},
    }));
    finish(call, sandboxes.answer, { items });
  }

  private sendContainers({ containers }: Methods, call: FakeCall): void {
    const { id = '' } = containers.request.decode(call.request).filter ?? {};
    const wanted = [...this.containers.values()].filter((container) => id === '' || container.id === id);
    const listed = wanted.map((container) => ({
      id: container.id,
      sandboxId: container.pod,
      metadata: { name: container.name, attempt: container.attempt ?? 0 },
      image: { image: container.imageId ?? `sha256:${'e'.repeat(64)}`, userSpecifiedImage: '' },
      imageRef: container.imageId ?? `sha256:${'e'.repeat(64)}`,
      state: STATES[container.state ?? 'running'],
      createdAt: CREATED_NS,
      labels: {
        ...podLabels(this.pods.get(container.pod)!),
        'io.kubernetes.container.name': container.name,
        ...container.labels,
      },
      annotations: container.annotations ?? {},
    }));
    finish(call, containers.answer, { containers: listed });
  }

  private sendSandbox({ sandbox }: Methods, call: FakeCall): void {
    const pod = this.pods.get(sandbox.request.decode(call.request).id ?? '');
    if (pod === undefined) {
      call.fail(UNKNOWN_ID, 'an error occurred when try to find sandbox: not found');
      return;
    }
    const status = {
      id: pod.id,
      state: pod.ready === false ? 1 : 0,
      network: { ip: pod.ip ?? '', additional: [] },
      linux: { namespaces: { options: { network: pod.hostNetwork === true ? 2 : 0 } } },
    };
    finish(call, sandbox.answer, { status, info: this.info({ image: 'registry.k8s.io/pause:3.9' }) });
  }

  private sendContainer({ container }: Methods, call: FakeCall): void {
    const known = this.containers.get(container.request.decode(call.request).id ?? '');
    if (known === undefined) {
      call.fail(UNKNOWN_ID, 'an error occurred when try to find container: not found');
      return;
    }
    const { state = 'running', image = 'registry.example/shop/web:1', env = [], pid } = known;
    const pod = this.pods.get(known.pod)!;
    const [name, digest] = [image.replace(/:[^/:]*$/, ''), 'd'.repeat(64)];
    const status = {
      id: known.id,
      state: STATES[state],
      startedAt: state === 'created' ? 0n : CREATED_NS + SECOND,
      finishedAt: state === 'exited' ? CREATED_NS + 2n * SECOND : 0n,
      exitCode: known.exitCode ?? 0,
      image: { image, userSpecifiedImage: '' },
      // cri-dockerd gives a reference to a registry by which docker pulls, with its scheme.
      imageRef: this.flavour === 'docker' ? `docker-pullable://${name}@sha256:${digest}` : `${name}@sha256:${digest}`,
      reason: known.reason ?? '',
      logPath: `/var/log/pods/${pod.namespace}_${pod.name}_${pod.uid}/${known.name}/${known.attempt ?? 0}.log`,
    };
    const runtimeSpec = { process: { env } };
    finish(call, container.answer, { status, info: this.info({ ...(pid !== undefined && { pid }), runtimeSpec }) });
  }

  /** cri-dockerd has no `info`. */
  private info(reported: Readonly<Record<string, unknown>>): Record<string, string> {
    return this.flavour === 'docker' ? {} : { info: JSON.stringify(reported) };
  }

  private images() {
    const ids = new Map([...this.containers.values()].map(({ imageId, image }) => [imageId, image]));
    return [...ids].flatMap(([id, image]) =>
      id === undefined || image === undefined ? [] : [{ id, tags: [image], digests: [], size: 1 }],
    );
  }
}

function podLabels(pod: FakePod): Record<string, string> {
  return {
    'io.kubernetes.pod.name': pod.name,
    'io.kubernetes.pod.namespace': pod.namespace,
    'io.kubernetes.pod.uid': pod.uid,
  };
}

function finish<T>(call: FakeCall, type: wire.Message<T>, answer: Partial<T>): void {
  call.send(type.encode(answer));
  call.end();
}
