import { isIPv6 } from 'node:net';
import { fingerprint } from './same.js';

/** Failures in a row of one user from one address that cost nothing: people mistype. */
const FREE_FAILURES = 5;
/** Failures from one address whoever the user, and of one user wherever from, that cost nothing. */
const FREE_FAILURES_IN_ALL = 100;
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 60_000;
/** Failures are forgotten after this many ms without another. */
const MEMORY = 600_000;
/** Addresses, users and pairs remembered; the one that failed longest ago is forgotten first. */
const MOST_REMEMBERED = 4096;

interface Failures {
  count: number;
  lastAt: number;
  blockedUntil: number;
}

/** Who fails, and from where. */
export interface Attempt {
  readonly address: string;
  readonly user: string;
}

/**
 * Makes guessing slow: after some failures a user has to wait at that address, each time twice as long. Who tries many
 * users from one address, or one user from many addresses, has to wait as well, but that takes more failures: others may
 * share the address, or be the user.
 */
export class FailureThrottle {
  private readonly pairs: FailureCounts;
  private readonly addresses: FailureCounts;
  private readonly users: FailureCounts;

  constructor(now: () => number = () => performance.now()) {
    this.pairs = new FailureCounts(FREE_FAILURES, now);
    this.addresses = new FailureCounts(FREE_FAILURES_IN_ALL, now);
    this.users = new FailureCounts(FREE_FAILURES_IN_ALL, now);
  }

  /** Milliseconds until the next attempt is judged; 0: it may be. */
  waitOf(attempt: Attempt): number {
    return Math.max(...this.countsOf(attempt).map(([counts, key]) => counts.waitOf(key)));
  }

  /**
   * Counts a try as failed before it is judged, so that many at once count as many.
   * @returns true when it has to wait from now on, and had not to before
   */
  begin(attempt: Attempt): boolean {
    return this.countsOf(attempt).filter(([counts, key]) => counts.add(key)).length > 0;
  }

  /** The try was right after all: the user starts anew at this address. */
  succeed(attempt: Attempt): void {
    const [pair, ...others] = this.countsOf(attempt) as [[FailureCounts, string], ...[FailureCounts, string][]];
    pair[0].forget(pair[1]);
    for (const [counts, key] of others) counts.takeBack(key);
  }

  private countsOf({ address, user }: Attempt): [FailureCounts, string][] {
    const network = networkOf(address);
    // Names can be as long as a header.
    const name = fingerprint(user).toString('base64');
    const counts: [FailureCounts, string][] = [
      [this.pairs, `${network} ${name}`],
      [this.addresses, network],
    ];
    // What shows no user is not a user who fails.
    if (user !== '') counts.push([this.users, name]);
    return counts;
  }
}

class FailureCounts {
  private readonly failures = new Map<string, Failures>();

  constructor(
    private readonly free: number,
    private readonly now: () => number,
  ) {}

  waitOf(key: string): number {
    const failures = this.failures.get(key);
    return failures === undefined ? 0 : Math.max(0, failures.blockedUntil - this.now());
  }

  /** @returns true when the key is blocked from now on, and was not before */
  add(key: string): boolean {
    const now = this.now();
    const known = this.failures.get(key);
    const failures =
      known !== undefined && now - known.lastAt < MEMORY ? known : { count: 0, lastAt: 0, blockedUntil: 0 };
    failures.count++;
    failures.lastAt = now;
    const surplus = failures.count - this.free;
    if (surplus >= 0) failures.blockedUntil = now + Math.min(FIRST_PAUSE * 2 ** surplus, LONGEST_PAUSE);
    this.failures.delete(key);
    this.failures.set(key, failures);
    const [oldest] = this.failures.keys();
    if (this.failures.size > MOST_REMEMBERED) this.failures.delete(oldest!);
    return surplus === 0;
  }

  forget(key: string): void {
    this.failures.delete(key);
  }

  takeBack(key: string): void {
    const failures = this.failures.get(key);
    if (failures === undefined) return;
    failures.count--;
    if (failures.count < this.free) failures.blockedUntil = 0;
    if (failures.count <= 0) this.failures.delete(key);
  }
}

/** The address; of IPv6 its /64, of which one host has 2^64. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped !== null) return mapped[1]!;
  const [bare] = address.split('%') as [string];
  if (!isIPv6(bare)) return address;
  const [head = '', tail] = bare.split('::') as [string, string?];
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  const groups = [...before, ...Array.from({ length: zeros }, () => '0'), ...after].slice(0, 4);
  return groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':');
}
