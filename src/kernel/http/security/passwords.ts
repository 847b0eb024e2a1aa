import { createHash } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import apacheMd5 from 'apache-md5';
import { RequestError } from '../../contracts/index.js';
import { equalInConstantTime } from './fingerprint.js';

/** The package exports the function itself; its types declare a default export. */
const apr1 = apacheMd5 as unknown as (password: string, hash: string) => string;

/** Passwords that may be queued; each takes 70 ms at cost 10, 300 ms at cost 12. */
const MAX_QUEUED = 32;
/** The thread ends after this time without work. */
const IDLE_TIMEOUT_MS = 30_000;

interface Comparison {
  readonly password: string;
  readonly hash: string;
  readonly resolve: (matches: boolean) => void;
  readonly reject: (error: Error) => void;
}

/** Checks bcrypt hashes one at a time on its own thread: they are slow by design and would delay sampling. */
export class BcryptWorker {
  private readonly queue: Comparison[] = [];
  private worker: Worker | undefined;
  private current: Comparison | undefined;
  private idleTimer: NodeJS.Timeout | undefined;
  private closed = false;

  /** @throws RequestError 503 when too many passwords are queued or the agent is stopping */
  compare(password: string, hash: string): Promise<boolean> {
    if (this.closed) throw stopping();
    if (this.queue.length >= MAX_QUEUED) {
      throw new RequestError(503, 'too many passwords are being checked; try again in a few seconds');
    }
    return new Promise((resolve, reject) => {
      this.queue.push({ password, hash, resolve, reject });
      this.next();
    });
  }

  /** Rejects queued and later comparisons. */
  close(): void {
    this.closed = true;
    clearTimeout(this.idleTimer);
    this.end();
    const refused = this.queue.splice(0);
    if (this.current !== undefined) refused.unshift(this.current);
    this.current = undefined;
    for (const { reject } of refused) reject(stopping());
  }

  private end(): void {
    void this.worker?.terminate();
    this.worker = undefined;
  }

  private next(): void {
    if (this.current !== undefined) return;
    clearTimeout(this.idleTimer);
    const comparison = this.queue.shift();
    if (comparison === undefined) {
      this.idleTimer = setTimeout(() => this.end(), IDLE_TIMEOUT_MS).unref();
      return;
    }
    this.current = comparison;
    this.worker ??= this.start();
    this.worker.ref();
    this.worker.postMessage({ password: comparison.password, hash: comparison.hash });
  }

  private start(): Worker {
    const worker = new Worker(new URL('./bcrypt-thread.js', import.meta.url), { env: {} });
    worker.on('message', (matches: boolean) => this.settle((comparison) => comparison.resolve(matches)));
    const lost = (error: Error) => {
      if (this.worker !== worker) return;
      this.worker = undefined;
      this.settle((comparison) => comparison.reject(error));
    };
    worker.on('error', lost);
    worker.on('exit', (code) => lost(new Error(`the thread that checks passwords ended with status ${code}`)));
    return worker;
  }

  private settle(callback: (comparison: Comparison) => void): void {
    const comparison = this.current;
    this.current = undefined;
    this.worker?.unref();
    if (comparison !== undefined) callback(comparison);
    this.next();
  }
}

const stopping = () => new RequestError(503, 'the agent stops');

/** Compares a password with a hash of an htpasswd file in a time that does not depend on where they differ. */
export async function matchesPassword(password: string, hash: string, bcrypt: BcryptWorker): Promise<boolean> {
  if (hash.startsWith('$2')) return bcrypt.compare(password, hash);
  if (hash.startsWith('{SHA}')) {
    return equalInConstantTime(`{SHA}${createHash('sha1').update(password).digest('base64')}`, hash);
  }
  // The package treats each character as a byte.
  return equalInConstantTime(apr1(Buffer.from(password, 'utf8').toString('latin1'), hash), hash);
}
