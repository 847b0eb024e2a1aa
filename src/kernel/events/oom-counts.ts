import { type Container, Slot } from '../containers/index.js';

/** The OOM counters in `memory.events.local` of a cgroup, which exclude its descendants. */
interface OomCount {
  /** Killed processes of the cgroup. */
  readonly kills: number;
  /** How often the limit of the cgroup was hit and no memory could be reclaimed. */
  readonly limitHits: number;
}

/** The counters of a container at the last check. */
const OOM_COUNT = new Slot<OomCount>('events');

/** Records the current counters, so that earlier kills are not reported. */
export function beginCounting(container: Container): void {
  const count = readCount(container);
  if (count !== undefined) container.set(OOM_COUNT, count);
}

/**
 * The increase since the last check, by which it is known whose process was killed and whose limit was hit: on cgroup v2
 * a kill also increases `memory.events` of all ancestors, `memory.events.local` only that of the cgroup itself.
 * @returns undefined when the kernel has no such counters
 */
export function countedSince(container: Container): OomCount | undefined {
  const before = container.get(OOM_COUNT);
  const now = readCount(container);
  if (before === undefined || now === undefined) return undefined;
  container.set(OOM_COUNT, now);
  return { kills: now.kills - before.kills, limitHits: now.limitHits - before.limitHits };
}

/** @returns undefined on cgroup v1 and before Linux 5.2, which lack the file */
function readCount(container: Container): OomCount | undefined {
  const text = container.cgroup.text('memory', 'memory.events.local');
  const number = (key: string) => Number(new RegExp(`^${key} (\\d+)$`, 'm').exec(text ?? '')?.[1] ?? Number.NaN);
  const count = { kills: number('oom_kill'), limitHits: number('oom') };
  return Number.isNaN(count.kills + count.limitHits) ? undefined : count;
}
