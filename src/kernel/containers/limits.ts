import type { Clock, LinuxHost, ResourceLimits } from '../contracts/index.js';
import { readLimits } from '../linux/index.js';
import { type Container, Slot } from './container.js';

/** Limits are read again at most this often, ms. */
const MAX_AGE_MS = 5_000;
/** A runtime writes the limits after it made the cgroup: in its first seconds they are read again sooner. */
const YOUNG_MS = 10_000;
const MAX_AGE_YOUNG_MS = 200;

interface KnownLimits {
  /** Monotonic ms. */
  readonly since: number;
  limits?: ResourceLimits;
  /** The files that they were read from. */
  cgroup?: Container['cgroup'];
  /** Monotonic ms. */
  readAt: number;
  /** The kernel may renew the time of a cgroup's inode that it dropped from memory: the earliest one seen counts. */
  earliest: number;
}

const LIMITS = new Slot<KnownLimits>('limits');

/** The containers' limits, as their cgroup files said a short while ago. */
export class ContainerLimits {
  /** @param bootTime µs since the epoch */
  constructor(
    private readonly host: Pick<LinuxHost, 'machine'>,
    private readonly bootTime: number,
    private readonly clock: Clock,
  ) {}

  of(container: Container): ResourceLimits {
    const known = this.known(container);
    const now = this.clock.monotonic();
    const isYoung = now - known.since < YOUNG_MS;
    const maxAge = isYoung ? MAX_AGE_YOUNG_MS : MAX_AGE_MS;
    if (known.limits !== undefined && known.cgroup === container.cgroup && now - known.readAt < maxAge) {
      return known.limits;
    }
    const limits = readLimits(container.cgroup, {
      isRoot: container.name === '/',
      machine: this.host.machine(),
      bootTime: this.bootTime,
      createdAt: isYoung ? undefined : known.earliest,
    });
    known.limits = limits;
    known.cgroup = container.cgroup;
    known.readAt = now;
    const { createdAt } = limits;
    if (createdAt > 0) known.earliest = known.earliest === 0 ? createdAt : Math.min(known.earliest, createdAt);
    return limits;
  }

  /** When the container was created, µs since the epoch; 0 when unknown. */
  createdAt(container: Container): number {
    this.of(container);
    return container.description.createdAt ?? this.known(container).earliest;
  }

  private known(container: Container): KnownLimits {
    return container.ensure(LIMITS, () => ({ since: this.clock.monotonic(), readAt: 0, earliest: 0 }));
  }
}
