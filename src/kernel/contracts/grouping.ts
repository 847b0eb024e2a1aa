import type { ContainerDescription } from './container.js';

/** The orchestrator of a group of containers. */
export type Orchestrator = 'kubernetes' | 'nomad' | 'swarm' | 'compose';

/** The group of a container, with labels that do not depend on the runtime. */
export interface Grouping {
  readonly orchestrator: Orchestrator;
  /** Name of the group: `<namespace>/<pod>`, a job, a stack or service without one, a project. */
  readonly group: string;
  /**
   * The group as labels: `kubernetes.namespace`, `kubernetes.pod`, `kubernetes.container`; `nomad.namespace`, `nomad.job`,
   * `nomad.group`, `nomad.task`; `swarm.stack`, `swarm.service`; `compose.project`, `compose.service`.
   */
  readonly labels: Readonly<Record<string, string>>;
}

/** The input of a grouping: labels, and environment variables in upper or lower case. */
export type Grouped = Pick<ContainerDescription, 'labels' | 'envs'>;

interface Rule {
  readonly orchestrator: Orchestrator;
  /** Label of the grouping → labels or environment variables of runtimes; the first existing one is used. */
  readonly sources: Readonly<Record<string, readonly string[]>>;
  /** @returns the group, `undefined` when there is none */
  readonly group: (labels: Readonly<Record<string, string>>) => string | undefined;
}

/** In order of precedence: the container of a pod may have labels of compose, too. */
const RULES: readonly Rule[] = [
  {
    orchestrator: 'kubernetes',
    sources: {
      'kubernetes.namespace': ['io.kubernetes.pod.namespace'],
      'kubernetes.pod': ['io.kubernetes.pod.name'],
      'kubernetes.container': ['io.kubernetes.container.name'],
    },
    group: ({ 'kubernetes.namespace': namespace = 'default', 'kubernetes.pod': pod }) => pod && `${namespace}/${pod}`,
  },
  {
    orchestrator: 'nomad',
    sources: {
      'nomad.namespace': ['com.hashicorp.nomad.namespace', 'NOMAD_NAMESPACE'],
      'nomad.job': ['com.hashicorp.nomad.job_name', 'NOMAD_JOB_NAME'],
      'nomad.group': ['com.hashicorp.nomad.task_group_name', 'NOMAD_GROUP_NAME'],
      'nomad.task': ['com.hashicorp.nomad.task_name', 'NOMAD_TASK_NAME'],
    },
    group: ({ 'nomad.job': job }) => job,
  },
  {
    orchestrator: 'swarm',
    sources: {
      'swarm.stack': ['com.docker.stack.namespace'],
      'swarm.service': ['com.docker.swarm.service.name'],
    },
    group: ({ 'swarm.stack': stack, 'swarm.service': service }) => service && (stack ?? service),
  },
  {
    orchestrator: 'compose',
    sources: {
      'compose.project': ['com.docker.compose.project', 'io.podman.compose.project'],
      'compose.service': ['com.docker.compose.service', 'io.podman.compose.service'],
    },
    group: ({ 'compose.project': project }) => project,
  },
];

/**
 * The group that a container belongs to by its labels and environment variables.
 * @returns undefined when they tell of none
 */
export function groupingOf({ labels: own, envs }: Grouped): Grouping | undefined {
  const valueAt = (key: string) => [own[key], envs[key], envs[key.toLowerCase()]].find((value) => value);
  for (const { orchestrator, sources, group } of RULES) {
    const labels: Record<string, string> = {};
    for (const [label, keys] of Object.entries(sources)) {
      const value = keys.map(valueAt).find((each) => each !== undefined);
      if (value !== undefined) labels[label] = value;
    }
    const name = group(labels);
    if (name !== undefined) return { orchestrator, group: name, labels };
  }
  return undefined;
}

/** A container's labels with those of its grouping, for filters. Its own labels take precedence. */
export function labelsWithGrouping(description: Grouped): Readonly<Record<string, string>> {
  const grouping = groupingOf(description);
  return grouping === undefined ? description.labels : { ...grouping.labels, ...description.labels };
}
