import { mkdirSync } from 'node:fs';
import { connectGrpc, type GrpcClient, type Method, wire } from '../../src/plugins/container-handlers/common/index.js';
import { ContainerdEngine, IMAGE } from './containerd-engine.js';
import { until } from './discovery.js';
import { removeCgroups } from './engine-process.js';

// What makes pods over the Container Runtime Interface, as far as the tests need it.
const CALL_LIMIT_MS = 60_000;
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
const stop = method('StopContainer', message({ id: text(1), timeout: integer(2) }), nothing);
const remove = method('RemoveContainer', idOnly, nothing);
const stopPod = method('StopPodSandbox', idOnly, nothing);
const list = method('ListPodSandbox', nothing, nothing);
const removePod = method('RemovePodSandbox', idOnly, nothing);
const status = method('ContainerStatus', message({ id: text(1), verbose: truth(2) }), statusAnswer);

/** A pod in its runtime. */
export interface RealPod {
  /** Id of the sandbox. */
  readonly id: string;
  readonly uid: string;
  /** Its cgroup. */
  readonly cgroup: string;
  readonly config: wire.Decoded<typeof sandboxConfig>;
}

/** What a container is made of. */
export interface ContainerPlan {
  readonly command: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly attempt?: number;
  /** bytes */
  readonly memoryLimit?: number;
  /** µs of each 100 ms */
  readonly cpuQuota?: number;
}

/** A containerd with its CRI plugin, and pods in the host's network that need no CNI. */
export class CriPods {
  private readonly pods = new Set<RealPod>();

  private constructor(
    readonly containerd: ContainerdEngine,
    private client: GrpcClient,
    /** Below which pods are put. */
    private readonly parent: string,
  ) {}

  static async start(parent: string): Promise<CriPods> {
    const containerd = await ContainerdEngine.startWith(criConfig, 'k8s.io');
    return new CriPods(containerd, await connectGrpc(containerd.socket, CALL_LIMIT_MS), parent);
  }

  async runPod(name: string, labels: Readonly<Record<string, string>> = {}): Promise<RealPod> {
    const uid = crypto.randomUUID();
    const cgroup = `${this.parent}/burstable/pod${uid}`;
    const identity = {
      'io.kubernetes.pod.name': name,
      'io.kubernetes.pod.namespace': 'shop',
      'io.kubernetes.pod.uid': uid,
    };
    const logDirectory = this.containerd.path(`logs-${name}`);
    mkdirSync(logDirectory);
    const config = {
      metadata: { name, uid, namespace: 'shop', attempt: 0 },
      logDirectory,
      labels: { ...labels, ...identity },
      annotations: {},
      // In the network of the host, with a pid namespace for each container.
      linux: { cgroupParent: cgroup, security: { namespaces: { network: 2, pid: 1 } } },
    };
    const { id } = await this.client.call(runPod, { config });
    const pod = { id, uid, cgroup, config };
    this.pods.add(pod);
    return pod;
  }

  /** Makes a container and starts it. @returns its id */
  async run(pod: RealPod, name: string, plan: ContainerPlan): Promise<string> {
    const { command, labels = {}, attempt = 0, memoryLimit = 0, cpuQuota = 0 } = plan;
    const identity = { ...pod.config.labels, 'io.kubernetes.container.name': name };
    const config = {
      metadata: { name, attempt },
      image: { image: IMAGE },
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

  async removeContainer(id: string): Promise<void> {
    await this.client.call(stop, { id, timeout: 0 });
    await this.client.call(remove, { id });
  }

  /** Starts the runtime again after it was killed, and waits until it has read what it knows of pods. */
  async relaunch(): Promise<void> {
    await this.containerd.launch();
    this.client.close();
    this.client = await connectGrpc(this.containerd.socket, CALL_LIMIT_MS);
    await until(
      () =>
        this.client.call(list, {}).then(
          () => true,
          () => false,
        ),
      () => 'containerd does not list pods',
    );
  }

  /** Removes a pod with its containers and, as kubelet does, its cgroup. */
  async removePod(pod: RealPod): Promise<void> {
    const { id, cgroup } = pod;
    await this.client.call(stopPod, { id });
    await this.client.call(removePod, { id });
    removeCgroups(cgroup);
    this.pods.delete(pod);
  }

  /** Removes all pods and the runtime. */
  async stop(): Promise<void> {
    for (const pod of this.pods) await this.removePod(pod);
    this.client.close();
    await this.containerd.stop();
  }
}

function criConfig(path: (name: string) => string): string {
  return `version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${IMAGE}"
  disable_tcp_service = true
  disable_apparmor = true
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${path('cni')}"
    conf_dir = "${path('cni-conf')}"
`;
}
