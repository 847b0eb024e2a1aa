import { type Container, Slot } from '../containers/index.js';

/** What `memory.events.local` of a cgroup counts, without the cgroups below it. */
export interface OomCount {
  /** Its own processes that were killed. */
  readonly kills: number;
  /** How often its own limit was hit and nothing could be freed. */
  readonly limitHits: number;
}

/** Where the counters of a container stood when they were last looked at. */
const OOM_COUNT = new Slot<OomCount>('events');

/**
 * Tells whose process was killed and whose limit was hit, where only counters can be asked: on cgroup v2 a kill raises
 * `memory.events` of every cgroup above it as well, `memory.events.local` that of the one alone.
 */
export class OomCounts {
  /** Takes down where the counters of a container stand: what happened before is not news. */
  begin(container: Container): void {
    const count = readCount(container);
    if (count !== undefined) container.set(OOM_COUNT, count);
  }

  /** What was added since the last look; `undefined` when this kernel does not tell. */
  added(container: Container): OomCount | undefined {
    const before = container.get(OOM_COUNT);
    const now = readCount(container);
    if (before === undefined || now === undefined) return undefined;
    container.set(OOM_COUNT, now);
    return { kills: now.kills - before.kills, limitHits: now.limitHits - before.limitHits };
  }
}

/** @returns undefined on cgroup v1 and before Linux 5.2, which have no such file */
function readCount(container: Container): OomCount | undefined {
  const text = container.cgroup.text('memory', 'memory.events.local');
  const number = (key: string) => Number(new RegExp(`^${key} (\\d+)$`, 'm').exec(text ?? '')?.[1] ?? Number.NaN);
  const count = { kills: number('oom_kill'), limitHits: number('oom') };
  return Number.isNaN(count.kills + count.limitHits) ? undefined : count;
}
