import type { AgentView, Clock, Label, Sink } from '../contracts/index.js';
import type { Batcher } from './batcher.js';
import type { Subject } from './collector.js';
import type { DiskQueue } from './disk-queue.js';

/** Time after the start in which the cgroups that exist are found, ms. */
const FOUND_MS = 5_000;
/** Time after the start in which runtimes have given names and labels again, ms. */
const DESCRIBED_MS = 30_000;
/** Shortest time between two saves, ms. Containers that came later are not known after a crash. */
const SHORTEST_SAVE_MS = 5_000;
/**
 * Time after which labels and series that have changed are saved although the containers are the same, ms. Receivers take
 * series without new samples for ended after as long by themselves.
 */
const LONGEST_SAVE_MS = 300_000;

const isSent = ({ takenAt }: Subject) => takenAt > 0;
const idOf = (labels: readonly Label[]) => labels.find(([name]) => name === 'id')?.[1];

/**
 * Lets a sink end the series of containers that ended while the agent did not run, by a state on disk: soon after the start those whose
 * cgroup is gone, later those whose labels are not the same any more.
 */
export class EndedContainers {
  private readonly startedMs: number;
  private savedMs = Number.NEGATIVE_INFINITY;
  private saved = '';
  private savedContainers: ReadonlySet<Subject> = new Set();
  /** The state of the agent that ran before; `undefined`: not read yet, `''`: there is none, or nothing is left to end. */
  private before: string | undefined;
  /** Labels, as JSON, of what was ended soon after the start. */
  private ended: Set<string> | undefined;

  constructor(
    private readonly sink: Sink,
    private readonly disk: DiskQueue,
    private readonly agent: AgentView,
    private readonly clock: Clock,
  ) {
    this.startedMs = clock.monotonic();
  }

  /**
   * To be called in each round, with what is there.
   * @throws what the sink throws
   */
  async round(living: readonly Subject[], batcher: Batcher): Promise<void> {
    this.before ??= (await this.disk.savedState()) ?? '';
    const nowMs = this.clock.monotonic();
    if (this.before !== '') this.endMissing(living, batcher, nowMs - this.startedMs);
    const ageMs = nowMs - this.savedMs;
    if (ageMs >= LONGEST_SAVE_MS || (ageMs >= SHORTEST_SAVE_MS && this.isChanged(living))) await this.save(living);
  }

  /** Saves what is there, unless the state of the agent before is still needed. */
  async save(living: readonly Subject[]): Promise<void> {
    if (this.before !== '') return;
    this.savedMs = this.clock.monotonic();
    const state = this.sink.state?.(living) ?? '';
    if (state !== this.saved) await this.disk.saveState(state);
    this.saved = state;
    this.savedContainers = new Set(living.filter(isSent));
  }

  private isChanged(living: readonly Subject[]): boolean {
    const { savedContainers } = this;
    let count = 0;
    for (const subject of living) {
      if (!isSent(subject)) continue;
      if (!savedContainers.has(subject)) return true;
      count++;
    }
    return count !== savedContainers.size;
  }

  private endMissing(living: readonly Subject[], batcher: Batcher, ageMs: number): void {
    if (ageMs >= DESCRIBED_MS) {
      const known = new Set([...living.map(({ labels }) => JSON.stringify(labels)), ...(this.ended ?? [])]);
      const state = this.before!;
      // A state that the sink cannot read is of no use later either.
      this.before = '';
      this.end(state, batcher, (labels) => known.has(JSON.stringify(labels)));
    } else if (this.ended === undefined && ageMs >= FOUND_MS && this.agent.pending().length === 0) {
      const ended = new Set<string>();
      // A sink that throws must not be asked again in each round: those that it did not end are compared later.
      this.ended = new Set();
      const ids = new Set(living.map(({ labels }) => idOf(labels)));
      this.end(this.before!, batcher, (labels) => {
        if (ids.has(idOf(labels))) return true;
        ended.add(JSON.stringify(labels));
        return false;
      });
      this.ended = ended;
    }
  }

  private end(state: string, batcher: Batcher, isThere: (labels: readonly Label[]) => boolean): void {
    batcher.endMissing(state, isThere, this.clock.now(), this.clock.monotonic());
  }
}
