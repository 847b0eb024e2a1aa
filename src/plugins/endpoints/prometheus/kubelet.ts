import { type ContainerDescription, cadvisorNaming, SPEC_NAMES } from '../../../kernel/contracts/index.js';
import { LAST_SEEN, OOM_EVENTS } from './container-writer.js';
import { labelPairs } from './text.js';

/** Labels by which runtimes name the parts of a pod; kubelet sets them on everything that it starts. */
const POD_NAME = 'io.kubernetes.pod.name';
const POD_NAMESPACE = 'io.kubernetes.pod.namespace';
const CONTAINER_NAME = 'io.kubernetes.container.name';
/** The value of `container` for a pod's sandbox. */
const SANDBOX = 'POD';

/** Fields that kubelet does not divide by CPU. */
export const KUBELET_HIDDEN_FIELDS: ReadonlySet<string> = new Set(['cpu.usage.per_cpu']);

const NAMES: ReadonlySet<string> = new Set([
  ...cadvisorNaming.families.map(({ name }) => name),
  ...SPEC_NAMES.filter((name) => name !== 'container_health_state'),
  LAST_SEEN,
  OOM_EVENTS,
  'container_scrape_error',
  'cadvisor_version_info',
]);

/** Whether kubelet's `/metrics/cadvisor` may have a metric of this name. */
export function isKubeletMetric(name: string): boolean {
  return NAMES.has(name) || name.startsWith('machine_');
}

/**
 * The six labels that kubelet puts on every series of a container, all of them present: a pod's own cgroup has an empty
 * `container`, its sandbox has `POD`, and a cgroup outside of pods has neither pod nor namespace.
 */
export function kubeletLabels(name: string, description: ContainerDescription): string {
  const { labels, image = '' } = description;
  const pod = labels[POD_NAME] ?? '';
  const container = labels[CONTAINER_NAME] ?? (isSandbox(labels) ? SANDBOX : '');
  return labelPairs([
    ['container', container],
    ['id', name],
    ['image', image],
    ['name', runtimeName(description, pod !== '' && container !== '')],
    ['namespace', labels[POD_NAMESPACE] ?? ''],
    ['pod', pod],
  ]);
}

/** containerd gives its sandboxes no container name. */
function isSandbox(labels: Readonly<Record<string, string>>): boolean {
  return labels['io.cri-containerd.kind'] === 'sandbox' || labels['io.kubernetes.docker.type'] === 'podsandbox';
}

/** Docker's containers have a name of their own, those of CRI runtimes their id, and other cgroups none. */
function runtimeName({ id, namespace, image, aliases }: ContainerDescription, isOfPod: boolean): string {
  if (isOfPod && namespace !== 'docker' && id !== undefined) return id;
  return image === undefined ? '' : (aliases[0] ?? '');
}
