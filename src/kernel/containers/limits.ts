import { isDeepStrictEqual } from 'node:util';
import type { Clock, Limit, LinuxHost, ResourceLimits } from '../contracts/index.js';
import { type Creation, readCreationTime, readLimits, readMemoryLimit } from '../linux/index.js';
import { type Container, Slot } from './container.js';

/** Limits are read again at most this often, ms. */
const MAX_AGE_MS = 5_000;
/** A runtime sets the limits after it has created the cgroup: at first they are read more often. */
const NEW_CONTAINER_US = 10_000_000;
const MAX_AGE_NEW_MS = 200;

const UNKNOWN: Creation = { createdAt: 0, createdAtExtraNs: 0 };

interface KnownLimits {
  limits?: ResourceLimits;
  /** The files that they were read from. */
  cgroup?: Container['cgroup'];
  /** Monotonic ms. */
  readAt: number;
  /** The memory limit, when it was read alone. */
  memory?: { readonly limit: Limit | undefined; readonly cgroup: Container['cgroup']; readonly readAt: number };
  /** The kernel may renew the time of a cgroup's inode that it dropped from memory: the earliest one seen counts. */
  earliest: Creation;
}

const LIMITS = new Slot<KnownLimits>('limits');

function maxAgeOf(isNew: boolean): number {
  return isNew ? MAX_AGE_NEW_MS : MAX_AGE_MS;
}

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
    const { limits: before, cgroup } = known;
    const isNew = this.isNew(container);
    const maxAge = maxAgeOf(isNew);
    if (before !== undefined && cgroup === container.cgroup && now - known.readAt < maxAge) return before;
    const read = readLimits(container.cgroup, {
      isRoot: container.name === '/',
      machine: this.host.machine(),
      bootTime: this.bootTime,
      created: isNew || known.earliest.createdAt === 0 ? undefined : known.earliest,
    });
    // Callers keep what they made of the limits until they get another object.
    const limits = before !== undefined && isDeepStrictEqual(before, read) ? before : read;
    known.limits = limits;
    known.cgroup = container.cgroup;
    known.readAt = now;
    const { createdAt, createdAtExtraNs } = limits;
    const { createdAt: earliest } = known.earliest;
    if (createdAt > 0 && (earliest === 0 || createdAt < earliest)) known.earliest = { createdAt, createdAtExtraNs };
    return limits;
  }

  /** The memory limit alone: one file instead of all. */
  memoryOf(container: Container): Limit | undefined {
    const known = this.known(container);
    const now = this.clock.monotonic();
    const { limits, memory, cgroup } = known;
    const maxAge = maxAgeOf(this.isNew(container));
    if (limits !== undefined && cgroup === container.cgroup && now - known.readAt < maxAge) return limits.memory.limit;
    if (memory !== undefined && memory.cgroup === container.cgroup && now - memory.readAt < maxAge) return memory.limit;
    const limit = readMemoryLimit(container.cgroup);
    known.memory = { limit, cgroup: container.cgroup, readAt: now };
    return limit;
  }

  /** The creation time from the handler, else from the cgroup. */
  creationOf(container: Container): Creation {
    const { createdAt, createdAtExtraNs = 0 } = container.description;
    if (createdAt !== undefined) return { createdAt, createdAtExtraNs };
    const known = this.known(container);
    if (known.earliest.createdAt === 0) known.earliest = readCreationTime(container.cgroup, this.bootTime);
    return known.earliest;
  }

  private isNew({ firstSeenAt }: Container): boolean {
    return this.clock.now() - firstSeenAt < NEW_CONTAINER_US;
  }

  private known(container: Container): KnownLimits {
    return container.ensure(LIMITS, () => ({ readAt: 0, earliest: UNKNOWN }));
  }
}
