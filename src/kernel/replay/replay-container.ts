import type { CapsuleAppMetrics, CapsuleContainer } from '../capsules/index.js';
import type { ContainerAppMetrics, ContainerView } from '../contracts/index.js';
import type { SampleRing } from '../history/index.js';

/** A capsule has samples only. */
const NO_MINUTES = { mean: [], max: [] };

/** A container as a capsule has it. */
export function replayContainer(
  { parts, limits, children, summary, appMetrics, ...own }: CapsuleContainer,
  ring: SampleRing,
  pids: readonly number[],
): ContainerView {
  return {
    ...own,
    appMetrics: appMetrics && replayAppMetrics(appMetrics),
    has: (part) => parts.includes(part),
    limits: () => limits,
    memoryLimit: () => limits.memory.limit,
    children: () => children,
    processIds: () => pids,
    samples: (query) => ring.window(query),
    minutes: () => ({ times: [], cpu: NO_MINUTES, memory: NO_MINUTES }),
    summary: () => summary,
  };
}

function replayAppMetrics({ specs, targets, history }: CapsuleAppMetrics): ContainerAppMetrics {
  return {
    specs,
    targets,
    at: (time) => history.flatMap((snapshots) => snapshots.findLast((snapshot) => snapshot.time <= time) ?? []),
    history: () => history,
  };
}
