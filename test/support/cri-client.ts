// What makes pods over the Container Runtime Interface, as far as the tests need it. The virtual machine's guest uses it, too, as
// one bundled file.
import { connectGrpc, type GrpcClient, type Method } from '../../src/plugins/container-handlers/common/grpc-client.js';
import * as wire from '../../src/plugins/container-handlers/common/wire.js';

const CALL_LIMIT_MS = 60_000;
const NAMESPACE = 'shop';
const { integer, message, part, text, textMap, texts, truth } = wire;
const nothing = message({});
const podMetadata = message({ name: text(1), uid: text(2), namespace: text(3), attempt: integer(4) });
const namespaceOptions = message({ network: integer(1), pid: integer(2) });
const sandboxLinux = message({
  cgroupParent: text(1),
  security: part(2, message({ namespaces: part(1, namespaceOptions) })),
});
const sandboxConfig = message({
  metadata: part(1, podMetadata),
  logDirectory: text(3),
  labels: textMap(6),
  annotations: textMap(7),
  linux: part(8, sandboxLinux),
});
const resources = message({
  cpuPeriod: integer(1),
  cpuQuota: integer(2),
  memoryLimit: integer(4),
  memorySwapLimit: integer(10),
});
const containerConfig = message({
  metadata: part(1, message({ name: text(1), attempt: integer(2) })),
  image: part(2, message({ image: text(1) })),
  command: texts(3),
  labels: textMap(9),
  logPath: text(11),
  linux: part(15, message({ resources: part(1, resources) })),
});
const idOnly = message({ id: text(1) });
const statusAnswer = message({
  status: part(
    1,
    message({
      id: text(1),
      state: integer(3),
      createdAt: wire.exactInteger(4),
      startedAt: wire.exactInteger(5),
      finishedAt: wire.exactInteger(6),
      exitCode: integer(7),
      image: part(8, message({ image: text(1) })),
      imageRef: text(9),
      reason: text(10),
      labels: textMap(12),
    }),
  ),
  info: textMap(2),
});
export type CriStatus = NonNullable<wire.Decoded<typeof statusAnswer>['status']>;

const method = <Q, A>(name: string, request: wire.Message<Q>, answer: wire.Message<A>): Method<Q, A> => ({
  path: `/runtime.v1.RuntimeService/${name}`,
  what: name,
  request,
  answer,
});
const runPod = method('RunPodSandbox', message({ config: part(1, sandboxConfig) }), idOnly);
const create = method(
  'CreateContainer',
  message({ id: text(1), config: part(2, containerConfig), sandboxConfig: part(3, sandboxConfig) }),
  idOnly,
);
const start = method('StartContainer', idOnly, nothing);
const stopPod = method('StopPodSandbox', idOnly, nothing);
const list = method('ListPodSandbox', nothing, nothing);
const removePod = method('RemovePodSandbox', idOnly, nothing);
const status = method('ContainerStatus', message({ id: text(1), verbose: truth(2) }), statusAnswer);

/** What a pod is made of. */
export interface PodPlan {
  readonly name: string;
  readonly uid: string;
  /** Its cgroup, in the form of the runtime's cgroup driver. */
  readonly cgroupParent: string;
  /** A directory that is there. */
  readonly logDirectory: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A pod in its runtime. */
export interface RealPod {
  /** Id of the sandbox. */
  readonly id: string;
  readonly uid: string;
  readonly config: wire.Decoded<typeof sandboxConfig>;
}

/** What a container is made of. */
export interface ContainerPlan {
  readonly image: string;
  readonly command: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly attempt?: number;
  /** bytes */
  readonly memoryLimit?: number;
  /** µs of each 100 ms */
  readonly cpuQuota?: number;
}

/** Does of kubelet's work what makes and removes pods in the host's network, which need no CNI. */
export class CriClient {
  private constructor(private readonly client: GrpcClient) {}

  static async connect(socket: string): Promise<CriClient> {
    return new CriClient(await connectGrpc(socket, CALL_LIMIT_MS));
  }

  async runPod({ name, uid, cgroupParent, logDirectory, labels = {} }: PodPlan): Promise<RealPod> {
    const identity = {
      'io.kubernetes.pod.name': name,
      'io.kubernetes.pod.namespace': NAMESPACE,
      'io.kubernetes.pod.uid': uid,
    };
    const config = {
      metadata: { name, uid, namespace: NAMESPACE, attempt: 0 },
      logDirectory,
      labels: { ...labels, ...identity },
      annotations: {},
      // In the network of the host, with a pid namespace for each container.
      linux: { cgroupParent, security: { namespaces: { network: 2, pid: 1 } } },
    };
    const { id } = await this.client.call(runPod, { config });
    return { id, uid, config };
  }

  /** Makes a container and starts it. @returns its id */
  async run(pod: RealPod, name: string, plan: ContainerPlan): Promise<string> {
    const { image, command, labels = {}, attempt = 0, memoryLimit = 0, cpuQuota = 0 } = plan;
    const identity = { ...pod.config.labels, 'io.kubernetes.container.name': name };
    const config = {
      metadata: { name, attempt },
      image: { image },
      command: [...command],
      labels: { ...identity, ...labels },
      logPath: `${name}-${attempt}.log`,
      linux: {
        resources: { cpuPeriod: cpuQuota > 0 ? 100_000 : 0, cpuQuota, memoryLimit, memorySwapLimit: memoryLimit },
      },
    };
    const { id } = await this.client.call(create, { id: pod.id, config, sandboxConfig: pod.config });
    await this.client.call(start, { id });
    return id;
  }

  /** What the runtime says of a container now. */
  async status(id: string): Promise<CriStatus & { readonly pid: number }> {
    const answer = await this.client.call(status, { id, verbose: true });
    return { ...answer.status!, pid: (JSON.parse(answer.info.info ?? '{}') as { pid?: number }).pid ?? 0 };
  }

  async removePod(id: string): Promise<void> {
    await this.client.call(stopPod, { id });
    await this.client.call(removePod, { id });
  }

  /** Whether the runtime lists pods: it does once it has read what it knows of them. */
  async isReady(): Promise<boolean> {
    return this.client.call(list, {}).then(
      () => true,
      () => false,
    );
  }

  close(): void {
    this.client.close();
  }
}
