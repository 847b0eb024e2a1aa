import { isIPv6 } from 'node:net';
import { fingerprint } from './fingerprint.js';
import { BcryptWorker } from './passwords.js';

/** Successful logins remembered. */
const MAX_LOGINS = 256;

/** Consecutive failures of one user from one address without delay: people mistype. */
const FREE_FAILURES = 5;
/** Failures from one address (any user) and of one user (any address) without delay. */
const FREE_FAILURES_TOTAL = 100;
const INITIAL_DELAY_MS = 1_000;
const MAX_DELAY_MS = 60_000;
/** Failures expire after this time without another. */
const FAILURE_EXPIRY_MS = 600_000;
/** Keys remembered of each kind; the one that failed longest ago is dropped first. */
const MAX_KEYS = 4096;

interface Failures {
  count: number;
  lastAt: number;
  blockedUntil: number;
}

export interface Attempt {
  readonly address: string;
  readonly user: string;
}

/**
 * Slows down password guessing: after some failures a user at an address is delayed, twice as long each time. Many users
 * tried from one address, or one user from many addresses, are delayed too, but after more failures: innocent clients
 * may share the address or the user.
 */
export class FailureThrottle {
  private readonly pairs: FailureCounts;
  private readonly addresses: FailureCounts;
  private readonly users: FailureCounts;

  constructor(now: () => number = () => performance.now()) {
    this.pairs = new FailureCounts(FREE_FAILURES, now);
    this.addresses = new FailureCounts(FREE_FAILURES_TOTAL, now);
    this.users = new FailureCounts(FREE_FAILURES_TOTAL, now);
  }

  /** The remaining delay in ms, 0 when the attempt may be checked now. */
  delayMs(attempt: Attempt): number {
    return Math.max(...this.countsOf(attempt).map(([counts, key]) => counts.delayMs(key)));
  }

  /**
   * Counts an attempt as failed before it is checked, so that concurrent attempts are all counted.
   * @returns true when this attempt starts a delay
   */
  begin(attempt: Attempt): boolean {
    return this.countsOf(attempt).filter(([counts, key]) => counts.add(key)).length > 0;
  }

  /** Withdraws the failure counted by `begin` and resets the count of the user at this address. */
  succeed(attempt: Attempt): void {
    const [pair, ...others] = this.countsOf(attempt) as [[FailureCounts, string], ...[FailureCounts, string][]];
    pair[0].reset(pair[1]);
    for (const [counts, key] of others) counts.withdraw(key);
  }

  private countsOf({ address, user }: Attempt): [FailureCounts, string][] {
    const network = networkOf(address);
    // User names can be as long as a header.
    const name = fingerprint(user).toString('base64');
    const counts: [FailureCounts, string][] = [
      [this.pairs, `${network} ${name}`],
      [this.addresses, network],
    ];
    // Credentials without a user do not count as one user.
    if (user !== '') counts.push([this.users, name]);
    return counts;
  }
}

class FailureCounts {
  private readonly failures = new Map<string, Failures>();

  constructor(
    private readonly freeFailures: number,
    private readonly now: () => number,
  ) {}

  delayMs(key: string): number {
    const failures = this.failures.get(key);
    return failures === undefined ? 0 : Math.max(0, failures.blockedUntil - this.now());
  }

  /** @returns true when this failure is the first that delays the key */
  add(key: string): boolean {
    const now = this.now();
    const known = this.failures.get(key);
    const failures =
      known !== undefined && now - known.lastAt < FAILURE_EXPIRY_MS ? known : { count: 0, lastAt: 0, blockedUntil: 0 };
    failures.count++;
    failures.lastAt = now;
    const excess = failures.count - this.freeFailures;
    if (excess >= 0) failures.blockedUntil = now + Math.min(INITIAL_DELAY_MS * 2 ** excess, MAX_DELAY_MS);
    this.failures.delete(key);
    this.failures.set(key, failures);
    const [oldest] = this.failures.keys();
    if (this.failures.size > MAX_KEYS) this.failures.delete(oldest!);
    return excess === 0;
  }

  reset(key: string): void {
    this.failures.delete(key);
  }

  withdraw(key: string): void {
    const failures = this.failures.get(key);
    if (failures === undefined) return;
    failures.count--;
    if (failures.count < this.freeFailures) failures.blockedUntil = 0;
    if (failures.count <= 0) this.failures.delete(key);
  }
}

/** An IPv4 address itself; the /64 prefix of an IPv6 address, because one host controls 2^64 addresses. */
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

/** State of logins that survives a reload of the options: failures and successful logins. */
export class LoginMemory {
  readonly throttle = new FailureThrottle();
  readonly bcrypt = new BcryptWorker();
  /** Fingerprint of a login → the hash that it matched. */
  private readonly remembered = new Map<string, string>();

  /** Whether this login succeeded before from the same network and the user's hash is unchanged. */
  isRemembered(login: Login, hash: string | undefined): boolean {
    return hash !== undefined && this.remembered.get(keyOf(login)) === hash;
  }

  remember(login: Login, hash: string): void {
    const key = keyOf(login);
    this.remembered.delete(key);
    this.remembered.set(key, hash);
    const [oldest] = this.remembered.keys();
    if (this.remembered.size > MAX_LOGINS) this.remembered.delete(oldest!);
  }

  close(): void {
    this.bcrypt.close();
  }
}

export interface Login extends Attempt {
  /** The password for Basic, which must be the same for the login to be remembered; a constant for Digest. */
  readonly secret: string;
}

function keyOf({ address, user, secret }: Login): string {
  return fingerprint(`${networkOf(address)}\0${user}\0${secret}`).toString('base64');
}
