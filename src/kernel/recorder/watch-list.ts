import type { SeenProcesses } from '../capsules/index.js';
import { type Container, Slot } from '../containers/index.js';
import {
  type Clock,
  type ContainerView,
  type LinuxHost,
  type ResourceLimits,
  SAMPLE_PARTS,
  type SamplePart,
} from '../contracts/index.js';

/** What is known of a container that can only be read while it runs. */
export interface LastSeen {
  readonly processes: SeenProcesses;
  readonly limits: ResourceLimits;
  readonly missing: ContainerView['missing'];
  /** What its samples have had: the probes of a container that ends close one after the other. */
  readonly parts: readonly SamplePart[];
}

/** The parts that the samples of a container have now. */
export function partsOf(view: ContainerView | undefined): readonly SamplePart[] {
  return SAMPLE_PARTS.filter((part) => view?.has(part) === true);
}

/** Longer lists are cut. */
const MAX_PROCESSES = 32;
/** Share of the time that may be spent on containers that are well. */
const SHARE_OF_TIME = 0.00025;
/** The same for new containers, which have no list yet. */
const SHARE_FOR_NEW = 0.00025;
/** The same for containers in trouble. */
const SHARE_IN_TROUBLE = 0.002;
/** A list of a container in trouble is read again after this time, ms. */
const TROUBLED_INTERVAL_MS = 2_000;
/** A container counts as in trouble for this time after the last sign of it, ms. */
const TROUBLE_LASTS_MS = 60_000;
/** Containers in trouble that are followed at once. */
const MAX_TROUBLED = 16;

/** The longest wait for one expensive read, ms. */
const MAX_WAIT_MS = 10_000;
/** Time without a read that counts for later ones, ms. */
const MAX_CREDIT_MS = 1_000;
const NEVER = Number.NEGATIVE_INFINITY;

const LAST_SEEN = new Slot<LastSeen>('recorder');

/** Spaces reads so that they take a share of the time. */
class Pace {
  private nextAt = 0;

  constructor(private readonly share: number) {}

  isDue(now: number): boolean {
    return now >= this.nextAt;
  }

  spent(milliseconds: number, now: number): void {
    this.nextAt = Math.max(this.nextAt, now - MAX_CREDIT_MS) + Math.min(milliseconds / this.share, MAX_WAIT_MS);
  }
}

/**
 * Keeps for each container a list of its processes, as recent as a small share of the time allows. Containers whose
 * trouble just began are read at once. Those in trouble, new ones and all others have a share each, so that none of
 * them waits for an expensive read of another kind.
 */
export class WatchList {
  /** In the order in which they are read. */
  private readonly turn = new Set<Container>();
  private readonly fresh = new Set<Container>();
  private readonly troubled = new Map<Container, { until: number; readAt: number }>();
  private readonly paces = {
    turn: new Pace(SHARE_OF_TIME),
    fresh: new Pace(SHARE_FOR_NEW),
    troubled: new Pace(SHARE_IN_TROUBLE),
  };
  private isReading = false;

  constructor(
    private readonly host: Pick<LinuxHost, 'processes'>,
    private readonly clock: Clock,
    private readonly viewOf: (container: Container) => ContainerView | undefined,
  ) {}

  added(container: Container): void {
    // The machine does not end, and its list is the longest.
    if (container.name !== '/') this.fresh.add(container);
  }

  removed(container: Container): void {
    this.turn.delete(container);
    this.fresh.delete(container);
    this.troubled.delete(container);
  }

  /** There is a sign that the container may end badly. */
  isInTrouble(container: Container): void {
    const known = this.troubled.get(container);
    const until = this.clock.monotonic() + TROUBLE_LASTS_MS;
    if (known !== undefined) known.until = until;
    else if (this.troubled.size < MAX_TROUBLED) this.troubled.set(container, { until, readAt: NEVER });
    else if (this.turn.delete(container)) this.fresh.add(container);
  }

  /** What was seen last, however old. */
  lastSeen(container: Container): LastSeen | undefined {
    return container.get(LAST_SEEN);
  }

  /** Reads the next containers, as far as their shares of the time go. */
  async tick(): Promise<void> {
    if (this.isReading) return;
    this.isReading = true;
    try {
      await this.readTroubled();
      await this.readFirst(this.fresh, this.paces.fresh);
      await this.readFirst(this.turn, this.paces.turn);
    } finally {
      this.isReading = false;
    }
  }

  /** Reads what is known of a container now. @returns ms that it took */
  async read(container: Container): Promise<number> {
    const started = this.clock.monotonic();
    const view = this.viewOf(container);
    if (view === undefined) return 0;
    const pids = view.processIds();
    const { missing } = view;
    const limits = view.limits();
    const list = await this.host.processes(pids.slice(0, MAX_PROCESSES));
    const processes = { time: this.clock.now(), total: pids.length, list };
    // A container whose cgroup is on its way out has none any more; the list from before says more.
    const before = this.lastSeen(container);
    const isEnding = list.length === 0 && before !== undefined && before.processes.list.length > 0;
    const parts = [...new Set([...(before?.parts ?? []), ...partsOf(view)])];
    const now = isEnding ? before : { processes, limits, missing };
    container.set(LAST_SEEN, { ...now, parts });
    return this.clock.monotonic() - started;
  }

  private async readTroubled(): Promise<void> {
    const now = this.clock.monotonic();
    const pace = this.paces.troubled;
    for (const [container, entry] of this.troubled) {
      if (now > entry.until) this.troubled.delete(container);
      else if (entry.readAt === NEVER || (now - entry.readAt >= TROUBLED_INTERVAL_MS && pace.isDue(now))) {
        entry.readAt = now;
        // Behind the others, which may have waited longer.
        this.troubled.delete(container);
        this.troubled.set(container, entry);
        if (this.fresh.delete(container)) this.turn.add(container);
        pace.spent(await this.read(container), this.clock.monotonic());
      }
    }
  }

  /** Reads the first of the containers, which is read again after all others. */
  private async readFirst(containers: Set<Container>, pace: Pace): Promise<void> {
    const [container] = containers;
    if (container === undefined || !pace.isDue(this.clock.monotonic())) return;
    containers.delete(container);
    this.turn.add(container);
    pace.spent(await this.read(container), this.clock.monotonic());
  }
}
