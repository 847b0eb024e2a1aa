import { mkdirSync } from 'node:fs';
import { ContainerdEngine, IMAGE } from './containerd-engine.js';
import { type ContainerPlan, CriClient, type CriStatus, type RealPod } from './cri-client.js';
import { until } from './discovery.js';
import { removeCgroups } from './engine-process.js';

/** A pod with its cgroup. */
export interface PlacedPod extends RealPod {
  readonly cgroup: string;
}

/** A containerd with its CRI plugin, and pods in the host's network that need no CNI. */
export class CriPods {
  private readonly pods = new Set<PlacedPod>();

  private constructor(
    readonly containerd: ContainerdEngine,
    private client: CriClient,
    /** Below which pods are put. */
    private readonly parent: string,
  ) {}

  static async start(parent: string): Promise<CriPods> {
    const containerd = await ContainerdEngine.startWith(criConfig, 'k8s.io');
    return new CriPods(containerd, await CriClient.connect(containerd.socket), parent);
  }

  async runPod(name: string, labels: Readonly<Record<string, string>> = {}): Promise<PlacedPod> {
    const uid = crypto.randomUUID();
    const cgroup = `${this.parent}/burstable/pod${uid}`;
    const logDirectory = this.containerd.path(`logs-${name}`);
    mkdirSync(logDirectory);
    const pod = { ...(await this.client.runPod({ name, uid, cgroupParent: cgroup, logDirectory, labels })), cgroup };
    this.pods.add(pod);
    return pod;
  }

  /** Makes a container and starts it. @returns its id */
  run(pod: RealPod, name: string, plan: Omit<ContainerPlan, 'image'>): Promise<string> {
    return this.client.run(pod, name, { ...plan, image: IMAGE });
  }

  /** What the runtime says of a container now. */
  status(id: string): Promise<CriStatus & { readonly pid: number }> {
    return this.client.status(id);
  }

  /** Starts the runtime again after it was killed, and waits until it has read what it knows of pods. */
  async relaunch(): Promise<void> {
    await this.containerd.launch();
    this.client.close();
    this.client = await CriClient.connect(this.containerd.socket);
    await until(
      () => this.client.isReady(),
      () => 'containerd does not list pods',
    );
  }

  /** Removes a pod with its containers and, as kubelet does, its cgroup. */
  async removePod(pod: PlacedPod): Promise<void> {
    await this.client.removePod(pod.id);
    removeCgroups(pod.cgroup);
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
