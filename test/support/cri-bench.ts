import type { ContainerDescription, RuntimeInfo } from '../../src/kernel/contracts/index.js';
import cri from '../../src/plugins/container-handlers/cri/index.js';
import { until } from './discovery.js';
import { FakeCri, type FakePodContainer } from './fake-cri.js';
import { type HandlerBench, pluginContext, startHandler } from './handler-bench.js';

export const SANDBOX = 'b'.repeat(64);
export const APP = 'a'.repeat(64);
export const NEXT = 'c'.repeat(64);
export const UID = '11111111-2222-3333-4444-555555555555';
export const POD_PATH = `/kubepods/burstable/pod${UID}`;
/** What identifies the pod among the labels of its containers. */
export const IDENTITY = {
  'io.kubernetes.pod.name': 'web-0',
  'io.kubernetes.pod.namespace': 'shop',
  'io.kubernetes.pod.uid': UID,
};

export const pod = () => ({
  id: SANDBOX,
  name: 'web-0',
  namespace: 'shop',
  uid: UID,
  ip: '10.1.2.3',
  labels: { app: 'web' },
  annotations: { 'example.com/owner': 'ann', 'example.com/secret': 'x' },
});
export const app = (more: Partial<FakePodContainer> = {}): FakePodContainer => ({
  id: APP,
  pod: SANDBOX,
  name: 'app',
  ...more,
});

export const isFresh = ({ stale }: ContainerDescription) => stale !== true;
export const hasStatus = ({ image }: ContainerDescription) => image === 'registry.example/shop/web:1';

/** The handler on a made-up runtime, one at a time. */
export class CriBench {
  runtime!: FakeCri;
  bench!: HandlerBench;
  /** The runtimes that other handlers have reached. */
  runtimes: RuntimeInfo[] = [];
  context = this.newContext();

  async start(fake = new FakeCri(), options: Record<string, unknown> = {}) {
    this.runtime = fake;
    this.context = this.newContext();
    const patient = { endpoint: fake.endpoint, timeout: '30s', grace: '100ms', resyncInterval: '1h' };
    this.bench = await startHandler(cri, this.context, { ...patient, ...options });
    return this.bound();
  }

  /** The same on a runtime with one pod and one container in it. */
  async startWithPod(fake: FakeCri, options: Record<string, unknown> = {}) {
    fake.pods.set(SANDBOX, pod());
    if (fake.containers.size === 0) fake.containers.set(APP, app());
    await fake.listen();
    return this.start(fake, options);
  }

  /** Members of the bench that need no `this`. */
  bound() {
    const { bench } = this;
    return { accepted: bench.accepted.bind(bench), watch: bench.watch.bind(bench), verdicts: bench.verdicts };
  }

  warnings(): string[] {
    return this.context.log.filter(({ level }) => level === 'warn').map(({ message }) => message);
  }

  /** Resolves when the handler has reached the runtime. */
  up(): Promise<void> {
    return until(
      () => this.bench.handler.runtime!() !== undefined,
      () => JSON.stringify(this.context.log),
    );
  }

  async dispose(): Promise<void> {
    this.runtimes = [];
    await this.bench.handler.stop?.();
    this.context.dispose();
    await this.runtime.dispose();
  }

  private newContext() {
    return pluginContext([], { runtimes: () => this.runtimes });
  }
}
