import { type ContainerDescription, groupingOf } from '../../../kernel/contracts/index.js';

/** What a container is, as far as it changes rarely. Absent members are unknown. */
export interface Facts {
  /** Number of these facts: another one when any of them changes. */
  readonly id: number;
  /** Absolute cgroup path. */
  readonly path: string;
  /** The container's name at its runtime; the cgroup path without one. */
  readonly name: string;
  readonly runtime?: string | undefined;
  readonly container_id?: string | undefined;
  readonly image?: string | undefined;
  readonly state: string;
  readonly health?: string | undefined;
  readonly exit_code?: number | undefined;
  /** Why its last run ended, in the runtime's word. */
  readonly exit_reason?: string | undefined;
  readonly oom_killed?: boolean | undefined;
  readonly restarts?: number | undefined;
  /** µs since the epoch */
  readonly started_at?: number | undefined;
  readonly finished_at?: number | undefined;
  /** The group of its grouping: a compose project, stack or job; or namespace and name of the Kubernetes pod. */
  readonly project?: string | undefined;
  readonly pod?: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

/** Numbers the descriptions: containers whose description changes get new facts, which clients have to be sent. */
export class FactTable {
  /** The number given last. */
  last = 0;
  private readonly known = new WeakMap<object, { readonly description: ContainerDescription; readonly facts: Facts }>();

  /** @param container an object that stands for the container as long as it is the same one */
  of(container: object, path: string, description: ContainerDescription): Facts {
    const known = this.known.get(container);
    if (known?.description === description) return known.facts;
    const facts = factsOf(++this.last, path, description);
    this.known.set(container, { description, facts });
    return facts;
  }
}

function factsOf(id: number, path: string, description: ContainerDescription): Facts {
  const { aliases, namespace, labels, image, restartCount, state } = description;
  const grouping = groupingOf(description);
  const isPod = grouping?.orchestrator === 'kubernetes';
  return {
    id,
    path,
    name: aliases[0] ?? path,
    runtime: namespace,
    container_id: description.id,
    image,
    state: state.status,
    health: state.health?.status,
    exit_code: state.exitCode,
    exit_reason: state.reason,
    oom_killed: state.oomKilled,
    restarts: restartCount,
    started_at: state.startedAt,
    finished_at: state.finishedAt,
    project: isPod ? undefined : grouping?.group,
    pod: isPod ? grouping.group : undefined,
    labels,
  };
}
