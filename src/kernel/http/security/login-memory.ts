import { BcryptWorker } from './bcrypt-worker.js';
import { fingerprint } from './same.js';
import { FailureThrottle, networkOf } from './throttle.js';

/** Logins remembered as right. */
const MOST_REMEMBERED = 256;

/** What has been learnt about logins and outlives a change of the options: a reload neither forgives nor forgets. */
export class LoginMemory {
  readonly throttle = new FailureThrottle();
  readonly bcrypt = new BcryptWorker();
  /** Fingerprint of a login → the hash that it fitted. */
  private readonly remembered = new Map<string, string>();

  /** Whether the login was right before, from the same network, and the user's hash is still the same. */
  isRemembered(login: Login, hash: string | undefined): boolean {
    return hash !== undefined && this.remembered.get(keyOf(login)) === hash;
  }

  remember(login: Login, hash: string): void {
    const key = keyOf(login);
    this.remembered.delete(key);
    this.remembered.set(key, hash);
    const [oldest] = this.remembered.keys();
    if (this.remembered.size > MOST_REMEMBERED) this.remembered.delete(oldest!);
  }

  close(): void {
    this.bcrypt.close();
  }
}

export interface Login {
  readonly address: string;
  readonly user: string;
  /** What else has to be the same for a login to be the same: the password where it is sent. */
  readonly proof: string;
}

function keyOf({ address, user, proof }: Login): string {
  return fingerprint(`${networkOf(address)}\0${user}\0${proof}`).toString('base64');
}
