import { execFile } from 'node:child_process';
import { Worker } from 'node:worker_threads';
import { messageOf, type Timers } from '../../../kernel/contracts/index.js';
import type { FromWalker, TreeSize } from './tree-size.js';

/** An idle walker ends after this time, ms. */
const IDLE_TIMEOUT_MS = 5000;
/** The idle class of ionice(1). */
const IDLE_CLASS = '3';

export interface Measurement {
  readonly size: TreeSize;
  /** How long the walk took, ms. */
  readonly elapsed: number;
}

/** Why a tree could not be measured. */
class WalkError extends Error {
  /** The errno name, where there is one. */
  readonly code: string | undefined;

  constructor(message: string, code: string | undefined) {
    super(message);
    this.code = code;
  }
}

interface Task {
  readonly path: string;
  readonly wanted: () => boolean;
  readonly resolve: (measurement: Measurement | undefined) => void;
  readonly reject: (error: WalkError) => void;
}

/** Measures directory trees in threads of lowest priority. */
export class WalkerPool {
  private readonly queue: Task[] = [];
  private readonly walkers = new Set<Walker>();
  private closed = false;

  constructor(
    private readonly parallel: number,
    private readonly timers: Timers,
  ) {}

  /**
   * @param wanted called before the walk starts
   * @returns the tree's size, `undefined` when it is not wanted any more or the pool was closed
   * @throws an error with the errno name as `code`, where there is one
   */
  measure(path: string, wanted: () => boolean): Promise<Measurement | undefined> {
    return new Promise((resolve, reject) => {
      if (this.closed) return resolve(undefined);
      this.queue.push({ path, wanted, resolve, reject });
      this.assignTasks();
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const task of this.queue.splice(0)) task.resolve(undefined);
    await Promise.all([...this.walkers].map((walker) => walker.end()));
  }

  private next(): Task | undefined {
    for (let task = this.queue.shift(); task !== undefined; task = this.queue.shift()) {
      if (task.wanted()) return task;
      task.resolve(undefined);
    }
    return undefined;
  }

  private assignTasks(): void {
    for (const walker of this.walkers) if (walker.free) this.assignNext(walker);
    while (this.walkers.size < this.parallel) {
      const task = this.next();
      if (task === undefined) return;
      const walker = new Walker(this.timers, {
        free: () => this.assignNext(walker),
        gone: () => {
          this.walkers.delete(walker);
          if (!this.closed) this.assignTasks();
        },
      });
      this.walkers.add(walker);
      walker.walk(task);
    }
  }

  private assignNext(walker: Walker): void {
    const task = this.next();
    if (task !== undefined) walker.walk(task);
    else walker.endWhenIdle();
  }
}

class Walker {
  private readonly worker = new Worker(new URL('./walker.js', import.meta.url));
  private task: Task | undefined;
  /** It accepts no more tasks. */
  private isEnding = false;
  private cancelEnd = () => {};

  constructor(
    private readonly timers: Timers,
    private readonly owner: { free(): void; gone(): void },
  ) {
    this.worker.on('message', (message: FromWalker) => this.onMessage(message));
    this.worker.on('error', (error) => {
      this.isEnding = true;
      this.fail(messageOf(error));
    });
    this.worker.on('exit', () => {
      this.cancelEnd();
      this.fail('the walk was ended');
      owner.gone();
    });
  }

  get free(): boolean {
    return this.task === undefined && !this.isEnding;
  }

  walk(task: Task): void {
    this.cancelEnd();
    this.task = task;
    this.worker.postMessage({ path: task.path });
  }

  endWhenIdle(): void {
    this.cancelEnd();
    this.cancelEnd = this.timers.after(IDLE_TIMEOUT_MS, () => void this.end());
  }

  async end(): Promise<void> {
    this.isEnding = true;
    await this.worker.terminate();
  }

  private onMessage(message: FromWalker): void {
    if (message.kind === 'ready') {
      // Best effort: the nice value is already the lowest.
      if (message.thread !== undefined) execFile('ionice', ['-c', IDLE_CLASS, '-p', String(message.thread)], () => {});
      return;
    }
    const task = this.task;
    this.task = undefined;
    if (message.kind === 'size') task?.resolve({ size: message.size, elapsed: message.elapsed });
    else task?.reject(new WalkError(message.message, message.code));
    this.owner.free();
  }

  private fail(reason: string): void {
    const task = this.task;
    this.task = undefined;
    task?.reject(new WalkError(reason, undefined));
  }
}
