/** What `memory.events.local` of a cgroup counts, without the cgroups below it. */
export interface OomCount {
  /** Its own processes that were killed. */
  readonly kills: number;
  /** How often its own limit was hit and nothing could be freed. */
  readonly limitHits: number;
}

/**
 * Tells whose process was killed and whose limit was hit, where only counters can be asked: on cgroup v2 a kill raises
 * `memory.events` of every cgroup above it as well, `memory.events.local` that of the one alone.
 */
export class OomCounts {
  private readonly known = new Map<string, OomCount>();

  /** @param read text of a container's `memory.events.local`; `undefined` on cgroup v1 and before Linux 5.2 */
  constructor(private readonly read: (name: string) => string | undefined) {}

  /** Takes down where the counters of a container stand: what happened before is not news. */
  begin(name: string): void {
    const count = this.count(name);
    if (count !== undefined) this.known.set(name, count);
  }

  end(name: string): void {
    this.known.delete(name);
  }

  /** What was added since the last look; `undefined` when this kernel does not tell. */
  added(name: string): OomCount | undefined {
    const before = this.known.get(name);
    const now = this.count(name);
    if (before === undefined || now === undefined) return undefined;
    this.known.set(name, now);
    return { kills: now.kills - before.kills, limitHits: now.limitHits - before.limitHits };
  }

  private count(name: string): OomCount | undefined {
    const text = this.read(name);
    const number = (key: string) => Number(new RegExp(`^${key} (\\d+)$`, 'm').exec(text ?? '')?.[1] ?? Number.NaN);
    const count = { kills: number('oom_kill'), limitHits: number('oom') };
    return Number.isNaN(count.kills + count.limitHits) ? undefined : count;
  }
}
