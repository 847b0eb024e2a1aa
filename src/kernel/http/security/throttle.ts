import { isIPv6 } from 'node:net';

/** Failures in a row that cost nothing: people mistype. */
const FREE_FAILURES = 5;
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 60_000;
/** Failures are forgotten after this many ms without another. */
const MEMORY = 600_000;
/** Addresses remembered; the one that failed longest ago is forgotten first. */
const MOST_ADDRESSES = 4096;

interface Failures {
  count: number;
  lastAt: number;
  blockedUntil: number;
}

/** Makes guessing slow: after some failures an address has to wait, each time twice as long. */
export class FailureThrottle {
  private readonly addresses = new Map<string, Failures>();

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Milliseconds that the address has to wait before it may try again; 0: it may. */
  waitOf(address: string): number {
    const failures = this.addresses.get(networkOf(address));
    return failures === undefined ? 0 : Math.max(0, failures.blockedUntil - this.now());
  }

  /**
   * Counts a try as failed before it is judged, so that many at once count as many.
   * @returns true when the address has to wait from now on, and had not to before
   */
  begin(address: string): boolean {
    const key = networkOf(address);
    const now = this.now();
    const known = this.addresses.get(key);
    const failures =
      known !== undefined && now - known.lastAt < MEMORY ? known : { count: 0, lastAt: 0, blockedUntil: 0 };
    failures.count++;
    failures.lastAt = now;
    const surplus = failures.count - FREE_FAILURES;
    if (surplus >= 0) failures.blockedUntil = now + Math.min(FIRST_PAUSE * 2 ** surplus, LONGEST_PAUSE);
    this.addresses.delete(key);
    this.addresses.set(key, failures);
    this.forgetOldest();
    return surplus === 0;
  }

  /** The try was right after all: the address starts anew. */
  succeed(address: string): void {
    this.addresses.delete(networkOf(address));
  }

  private forgetOldest(): void {
    for (const key of this.addresses.keys()) {
      if (this.addresses.size <= MOST_ADDRESSES) return;
      this.addresses.delete(key);
    }
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
