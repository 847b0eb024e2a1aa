import { Worker } from 'node:worker_threads';
import { RequestError } from '../../contracts/index.js';

/** Passwords that may wait to be checked; each takes 70 ms at cost 10, 300 ms at cost 12. */
const MOST_WAITING = 32;
/** The thread ends after this many ms without work. */
const IDLE = 30_000;

interface Question {
  readonly password: string;
  readonly hash: string;
  readonly resolve: (fits: boolean) => void;
  readonly reject: (error: Error) => void;
}

/** Checks bcrypt hashes one after the other on a thread of its own: they are slow by design, and samples must not wait. */
export class BcryptWorker {
  private readonly waiting: Question[] = [];
  private worker: Worker | undefined;
  private asked: Question | undefined;
  private idleTimer: NodeJS.Timeout | undefined;
  private closed = false;

  /** @throws RequestError 503 when too many passwords wait already, or the agent stops */
  compare(password: string, hash: string): Promise<boolean> {
    if (this.closed) throw stopping();
    if (this.waiting.length >= MOST_WAITING) {
      throw new RequestError(503, 'too many passwords are being checked; try again in a few seconds');
    }
    return new Promise((resolve, reject) => {
      this.waiting.push({ password, hash, resolve, reject });
      this.next();
    });
  }

  /** Refuses what waits to be checked, and what is still to come. */
  close(): void {
    this.closed = true;
    clearTimeout(this.idleTimer);
    this.end();
    const refused = this.waiting.splice(0);
    if (this.asked !== undefined) refused.unshift(this.asked);
    this.asked = undefined;
    for (const { reject } of refused) reject(stopping());
  }

  private end(): void {
    void this.worker?.terminate();
    this.worker = undefined;
  }

  private next(): void {
    if (this.asked !== undefined) return;
    clearTimeout(this.idleTimer);
    const question = this.waiting.shift();
    if (question === undefined) {
      this.idleTimer = setTimeout(() => this.end(), IDLE).unref();
      return;
    }
    this.asked = question;
    this.worker ??= this.start();
    this.worker.ref();
    this.worker.postMessage({ password: question.password, hash: question.hash });
  }

  private start(): Worker {
    const worker = new Worker(new URL('./bcrypt-thread.js', import.meta.url), { env: {} });
    worker.on('message', (fits: boolean) => this.answered((question) => question.resolve(fits)));
    const lost = (error: Error) => {
      if (this.worker !== worker) return;
      this.worker = undefined;
      this.answered((question) => question.reject(error));
    };
    worker.on('error', lost);
    worker.on('exit', (code) => lost(new Error(`the thread that checks passwords ended with status ${code}`)));
    return worker;
  }

  private answered(settle: (question: Question) => void): void {
    const question = this.asked;
    this.asked = undefined;
    this.worker?.unref();
    if (question !== undefined) settle(question);
    this.next();
  }
}

const stopping = () => new RequestError(503, 'the agent stops');
