import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { codeOf } from '../../../kernel/contracts/index.js';

/** Asks the search thread for the first group of the first match. */
export interface ToThread {
  readonly regex: string;
  /** Absent: the text of the message before. */
  readonly text?: string;
}

/** How often the CPU time of a search is checked, ms. */
const CPU_CHECK_INTERVAL_MS = 20;
/** A thread without work ends after this time, ms. */
const IDLE_TIMEOUT_MS = 30_000;
/** The kernel counts CPU time in `/proc` in hundredths of a second, whatever its own clock. */
const MS_PER_TICK = 10;

/** The result of one expression. */
export type Finding =
  | { readonly found: string | undefined }
  /** It can never be used. */
  | { readonly unusable: string };

/** The search thread first says that it is ready, with its number; each further message answers a question. */
export type FromThread = { readonly thread: number } | Finding;

/** A text and the expressions to search for. */
export interface Search {
  /** Whose searches wait for each other; those of several containers take turns. */
  readonly container: string;
  readonly text: string;
  readonly regexes: readonly string[];
  readonly signal: AbortSignal;
}

export interface SearchResult {
  /** In the order of the expressions; incomplete when time ran out. */
  readonly findings: readonly Finding[];
  /** CPU time, ms. */
  readonly spent: number;
}

interface Job {
  readonly search: Search;
  readonly resolve: (result: SearchResult) => void;
}

/**
 * Searches texts on a thread of its own: neither the agent's samples nor its answers wait for an expression, and one that
 * takes too long is ended with its thread.
 */
export class Searcher {
  /** By container; the next one is the first. */
  private readonly waiting = new Map<string, Job[]>();
  private thread: SearchThread | undefined;
  private running = false;
  private closed = false;
  private idleTimer: NodeJS.Timeout | undefined;

  /** @param limitMs CPU time that one expression may take, and all expressions for one text, ms */
  constructor(private readonly limitMs: number) {}

  search(search: Search): Promise<SearchResult> {
    return new Promise((resolve) => {
      const jobs = this.waiting.get(search.container) ?? [];
      this.waiting.set(search.container, jobs);
      jobs.push({ search, resolve });
      void this.work();
    });
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.idleTimer);
    this.thread?.end();
  }

  private async work(): Promise<void> {
    if (this.running) return;
    this.running = true;
    clearTimeout(this.idleTimer);
    for (let jobs = this.first(); jobs !== undefined; jobs = this.first()) {
      const { search, resolve } = jobs.shift()!;
      resolve(await this.run(search));
      // To the end of the queue.
      this.waiting.delete(search.container);
      if (jobs.length > 0) this.waiting.set(search.container, jobs);
    }
    this.running = false;
    this.thread?.unref();
    this.idleTimer = setTimeout(() => this.thread?.end(), IDLE_TIMEOUT_MS).unref();
  }

  private first(): Job[] | undefined {
    return this.waiting.values().next().value;
  }

  private async run({ text, regexes, signal }: Search): Promise<SearchResult> {
    const findings: Finding[] = [];
    let spent = 0;
    for (const [index, regex] of regexes.entries()) {
      if (spent >= this.limitMs || signal.aborted || this.closed) break;
      const isFresh = this.thread?.isAlive !== true;
      if (isFresh) this.thread = new SearchThread(this.limitMs);
      const { finding, cpu } = await this.thread!.ask(isFresh || index === 0 ? { regex, text } : { regex });
      findings.push(finding);
      spent += cpu;
    }
    return { findings, spent };
  }
}

/** One thread, which answers one question at a time. */
class SearchThread {
  isAlive = true;
  private readonly worker = new Worker(new URL('./search-thread.js', import.meta.url), {
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 16, stackSizeMb: 2 },
  });
  private readonly ready: Promise<void>;
  private stat = '';
  private answer: (finding: Finding) => void = () => {};

  constructor(private readonly limitMs: number) {
    this.ready = new Promise((resolve) => {
      const ended = (reason: string): void => {
        this.isAlive = false;
        this.answer({ unusable: reason });
        resolve();
      };
      this.worker.on('message', (message: FromThread) => {
        if ('thread' in message) {
          this.stat = `/proc/self/task/${message.thread}/stat`;
          resolve();
        } else this.answer(message);
      });
      this.worker.on('error', (error) => {
        const isMemory = codeOf(error) === 'ERR_WORKER_OUT_OF_MEMORY';
        ended(isMemory ? 'its regex takes more memory than a search may' : `the search failed: ${error.name}`);
      });
      this.worker.on('exit', () => ended('the search was ended'));
    });
  }

  /** @returns the outcome and the CPU time that it took, ms */
  async ask(question: ToThread): Promise<{ readonly finding: Finding; readonly cpu: number }> {
    this.worker.ref();
    await this.ready;
    const before = this.cpu();
    let after = before;
    let checkCpuTime: NodeJS.Timeout | undefined;
    const finding = await new Promise<Finding>((resolve) => {
      this.answer = resolve;
      if (!this.isAlive) return resolve({ unusable: 'the search was ended' });
      checkCpuTime = setInterval(() => {
        after = this.cpu();
        if (after - before < this.limitMs) return;
        this.end();
        resolve({ unusable: `its regex takes more than ${this.limitMs} ms of CPU time on the answer` });
      }, CPU_CHECK_INTERVAL_MS);
      this.worker.postMessage(question);
    });
    clearInterval(checkCpuTime);
    if (this.isAlive) after = this.cpu();
    return { finding, cpu: after - before };
  }

  /** Does not keep the process running. */
  unref(): void {
    this.worker.unref();
  }

  end(): void {
    this.isAlive = false;
    void this.worker.terminate();
  }

  /** CPU time of the thread, ms; the last known value after its end. */
  private cpu(): number {
    try {
      const stat = readFileSync(this.stat, 'latin1');
      const [userTicks, systemTicks] = stat
        .slice(stat.lastIndexOf(')') + 2)
        .split(' ')
        .slice(11, 13);
      return (Number(userTicks) + Number(systemTicks)) * MS_PER_TICK;
    } catch {
      return 0;
    }
  }
}
