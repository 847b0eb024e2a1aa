import { BcryptWorker } from './bcrypt-worker.js';
import { type PasswordHashes, passwordFits } from './htpasswd.js';
import { fingerprint } from './same.js';

/** Right passwords remembered, by their fingerprint. */
const MOST_REMEMBERED = 256;

/**
 * Checks passwords against an htpasswd file. A password that was right once is recognised by a fingerprint from then on:
 * a scraper sends the same one every few seconds, and bcrypt takes 70 ms and more.
 */
export class PasswordBook {
  private readonly bcrypt = new BcryptWorker();
  /** Fingerprint of user and password → the hash they fitted. */
  private readonly remembered = new Map<string, string>();

  constructor(private readonly users: () => PasswordHashes) {}

  /** @throws RequestError 503 when too many passwords wait to be checked */
  async fits(user: string, password: string): Promise<boolean> {
    const users = this.users();
    const hash = users.get(user);
    const key = keyOf(user, password);
    if (hash !== undefined && this.remembered.get(key) === hash) return true;
    // For an unknown user another one's hash is checked, so that the time does not tell whether the user exists.
    const any = hash ?? users.values().next().value;
    if (any === undefined || !(await passwordFits(password, any, this.bcrypt)) || hash === undefined) return false;
    this.remember(key, hash);
    return true;
  }

  close(): void {
    this.bcrypt.close();
  }

  private remember(key: string, hash: string): void {
    this.remembered.delete(key);
    this.remembered.set(key, hash);
    const [oldest] = this.remembered.keys();
    if (this.remembered.size > MOST_REMEMBERED) this.remembered.delete(oldest!);
  }
}

function keyOf(user: string, password: string): string {
  return fingerprint(`${user}\0${password}`).toString('base64');
}
