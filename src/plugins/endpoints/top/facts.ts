import { type ContainerDescription, groupingOf } from '../../../kernel/contracts/index.js';

export type Facts = ReturnType<typeof factsOf>;

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

/**
 * What a container is, as far as it changes rarely. Absent members are unknown.
 * @param id another one when any of them changes
 */
function factsOf(id: number, path: string, description: ContainerDescription) {
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
    // A compose project, stack or job; or namespace and name of the Kubernetes pod.
    project: isPod ? undefined : grouping?.group,
    pod: isPod ? grouping.group : undefined,
    labels,
  };
}
