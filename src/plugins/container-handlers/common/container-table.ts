import type { ContainerDescription, ContainerState } from '../../../kernel/contracts/index.js';
import type { Described } from './publish.js';

/** A container whose last run ended. */
export interface KnownEnd {
  readonly id: string;
  readonly description: ContainerDescription;
}

interface Entry {
  described: Described;
  /** The same, marked as out of date; made when first needed. */
  stale: Described | undefined;
  /** Exit code of the last run that ended, as far as it was seen. */
  exitCode: number | undefined;
  /** An `oom` event came since the last start. */
  oomSeen: boolean;
  /** Value of the change counter when it was last updated. */
  touched: number;
}

/** States without a cgroup; a container that waits for its restart is gone as well. */
const ENDED: ReadonlySet<string> = new Set(['exited', 'dead', 'restarting']);

/** The containers of an engine, and those that ended recently. */
export class ContainerTable {
  private readonly entries = new Map<string, Entry>();
  private readonly endedContainers = new Map<string, Described>();
  private changes = 0;

  /** A mark for `forgetMissing`: what is updated later is newer than a list requested now. */
  get mark(): number {
    return this.changes;
  }

  get size(): number {
    return this.entries.size;
  }

  count(fits: (status: ContainerState['status']) => boolean): number {
    let count = 0;
    for (const { described } of this.entries.values()) if (fits(described.description.state.status)) count++;
    return count;
  }

  has(id: string): boolean {
    return this.entries.has(id);
  }

  isNewerThan(id: string, mark: number): boolean {
    return (this.entries.get(id)?.touched ?? 0) > mark;
  }

  /** A container that was removed is found until its end is forgotten: its cgroup may go later than it. */
  find(id: string, stale: boolean): Described | undefined {
    const entry = this.entries.get(id);
    if (entry === undefined) return this.endedContainers.get(id);
    if (!stale) return entry.described;
    entry.stale ??= { ...entry.described, description: { ...entry.described.description, stale: true } };
    return entry.stale;
  }

  /** Exit code of the run before the present one. */
  previousExit(id: string): number | undefined {
    return this.entries.get(id)?.exitCode;
  }

  /** @returns true when this changes what is known */
  update(id: string, described: Described): boolean {
    const entry = this.entries.get(id);
    this.changes++;
    const { state } = described.description;
    if (ENDED.has(state.status)) this.endedContainers.set(id, described);
    else this.endedContainers.delete(id);
    if (entry === undefined) {
      const exitCode = state.exitCode;
      this.entries.set(id, { described, stale: undefined, exitCode, oomSeen: false, touched: this.changes });
      return true;
    }
    entry.touched = this.changes;
    if (ENDED.has(state.status)) entry.exitCode = state.exitCode ?? entry.exitCode;
    if (JSON.stringify(entry.described) === JSON.stringify(described)) return false;
    entry.described = described;
    entry.stale = undefined;
    return true;
  }

  started(id: string): void {
    const entry = this.entries.get(id);
    if (entry !== undefined) entry.oomSeen = false;
  }

  /**
   * The kernel killed one of its processes for lack of memory.
   * @returns true when this changes what is known
   */
  outOfMemory(id: string): boolean {
    const entry = this.entries.get(id);
    if (entry === undefined) return false;
    entry.oomSeen = true;
    const { description } = entry.described;
    const { state } = description;
    if (!ENDED.has(state.status) || state.oomKilled !== false) return false;
    return this.update(id, {
      ...entry.described,
      description: { ...description, state: { ...state, oomKilled: true } },
    });
  }

  /**
   * Its run ended. What a later question may no longer find, the container being removed or started again, is taken from
   * the event.
   * @param time µs since the epoch; 0: unknown
   * @returns true when this changes what is known
   */
  ended(id: string, { exitCode, time }: { readonly exitCode?: number | undefined; readonly time: number }): boolean {
    const entry = this.entries.get(id);
    if (entry === undefined) return false;
    const { pid: _, ...rest } = entry.described.description;
    const code = exitCode ?? rest.state.exitCode;
    const description: ContainerDescription = {
      ...rest,
      state: {
        ...rest.state,
        status: 'exited',
        ...(code === undefined ? {} : { exitCode: code }),
        ...(time > 0 ? { finishedAt: time } : {}),
        oomKilled: rest.state.oomKilled === true || entry.oomSeen,
      },
    };
    return this.update(id, { ...entry.described, description });
  }

  /**
   * Drops a container that was removed; what is known of its end stays in `departed`.
   * @returns true when this changes what is known of its end
   */
  remove(id: string): boolean {
    this.changes++;
    this.entries.delete(id);
    const described = this.endedContainers.get(id);
    // So engines call a container while they remove it.
    if (described?.description.state.status !== 'dead') return false;
    const { description } = described;
    const state = { ...description.state, status: 'exited' } as const;
    this.endedContainers.set(id, { ...described, description: { ...description, state } });
    return true;
  }

  /**
   * Drops containers that a full list does not hold.
   * @param present ids in the list
   * @param mark `mark` from before the list was asked for
   * @returns the dropped ids
   */
  forgetMissing(present: ReadonlySet<string>, mark: number): string[] {
    const missing = [...this.entries].filter(([id, entry]) => !present.has(id) && entry.touched <= mark);
    for (const [id] of missing) this.remove(id);
    return missing.map(([id]) => id);
  }

  /** Containers whose last run ended, oldest first. */
  departed(): KnownEnd[] {
    return [...this.endedContainers]
      .filter(([, { ignored }]) => ignored === undefined)
      .map(([id, { description }]) => ({ id, description }));
  }

  /** Forgets the ends of containers that ended before `time` (µs since the epoch). */
  forgetDeparted(time: number): void {
    for (const [id, { description }] of this.endedContainers) {
      if ((description.state.finishedAt ?? 0) < time) this.endedContainers.delete(id);
    }
  }
}
