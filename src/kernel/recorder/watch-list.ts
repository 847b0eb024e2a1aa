import type { SeenProcesses } from '../capsules/index.js';
import { type Container, Slot } from '../containers/index.js';
import type { Clock, ContainerView, LinuxHost, ResourceLimits, SamplePart } from '../contracts/index.js';

/** What is known of a container that can only be read while it runs. */
export interface LastSeen {
  readonly processes: SeenProcesses;
  readonly limits: ResourceLimits;
  readonly missing: ContainerView['missing'];
  /** What its samples have had: the probes of a container that ends close one after the other. */
  readonly parts: readonly SamplePart[];
}

const PARTS: readonly SamplePart[] = [
  'cpu',
  'memory',
  'diskio',
  'network',
  'filesystem',
  'processes',
  'hugetlb',
  'other',
];

/** The parts that the samples of a container have now. */
export function partsOf(view: ContainerView | undefined): readonly SamplePart[] {
  return PARTS.filter((part) => view?.has(part) === true);
}

/** Longer lists are cut. */
const MAX_PROCESSES = 32;
/** Share of the time that may be spent on reading containers that are well. */
const SHARE_OF_TIME = 0.0005;
/** The same while containers are in trouble, for those. */
const SHARE_IN_TROUBLE = 0.002;
/** A list of a container in trouble is read again after this time, ms. */
const TROUBLED_INTERVAL_MS = 2_000;
/** So long after the last sign of it a container counts as in trouble, ms. */
const TROUBLE_LASTS_MS = 60_000;
/** Containers in trouble that are followed at once. */
const MAX_TROUBLED = 16;

const LAST_SEEN = new Slot<LastSeen>('recorder');

/**
 * Keeps for each container a list of its processes, as recent as a small share of the time allows: new ones and those in
 * trouble first, the others in turn.
 */
export class WatchList {
  /** In the order in which they are read. */
  private turn: Container[] = [];
  private readonly troubled = new Map<Container, { until: number; readAt: number }>();
  private nextRead = 0;
  private isReading = false;

  constructor(
    private readonly host: Pick<LinuxHost, 'processes'>,
    private readonly clock: Clock,
    private readonly viewOf: (container: Container) => ContainerView | undefined,
  ) {}

  added(container: Container): void {
    this.turn.unshift(container);
  }

  removed(container: Container): void {
    const index = this.turn.indexOf(container);
    if (index >= 0) this.turn.splice(index, 1);
    this.troubled.delete(container);
  }

  /** There is a sign that the container may end badly. */
  isInTrouble(container: Container): void {
    const known = this.troubled.get(container);
    const until = this.clock.monotonic() + TROUBLE_LASTS_MS;
    if (known !== undefined) known.until = until;
    else if (this.troubled.size < MAX_TROUBLED) this.troubled.set(container, { until, readAt: 0 });
  }

  /** What was seen last, however old. */
  lastSeen(container: Container): LastSeen | undefined {
    return container.get(LAST_SEEN);
  }

  /** Reads the next containers, as far as their share of the time goes. */
  async tick(): Promise<void> {
    const now = this.clock.monotonic();
    if (this.isReading || now < this.nextRead) return;
    const [container, share] = this.next(now);
    if (container === undefined) return;
    this.isReading = true;
    try {
      const spentMs = await this.read(container);
      this.nextRead = this.clock.monotonic() + spentMs / share;
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

  private next(now: number): [container: Container | undefined, share: number] {
    for (const [container, entry] of this.troubled) {
      if (now > entry.until) this.troubled.delete(container);
      else if (now - entry.readAt >= TROUBLED_INTERVAL_MS) {
        entry.readAt = now;
        return [container, SHARE_IN_TROUBLE];
      }
    }
    const container = this.turn.shift();
    if (container !== undefined) this.turn.push(container);
    return [container, SHARE_OF_TIME];
  }
}
