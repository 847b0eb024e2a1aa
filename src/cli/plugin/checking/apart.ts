import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type CheckJob, type CheckNews, type CheckResult, LOADING } from './protocol.js';

const PROCESS = fileURLToPath(new URL('./process.js', import.meta.url));
/** A process with nothing left to do ends at once. ms */
const END_LIMIT = 5_000;
/** What a process has written before its end arrives within so many ms. */
const LAST_WORDS = 500;

const ENDINGS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface CheckListener {
  news(news: CheckNews): void;
  /** What the plugin, or Node, writes to standard output or error. */
  text(text: string): void;
}

/**
 * Runs the checks in a process of their own, and watches it.
 * @param timeLimit ms that one check may take
 * @returns what the process did not live to tell: that the plugin ended or blocked it
 */
export async function checkApart(
  job: CheckJob,
  timeLimit: number,
  listener: CheckListener,
): Promise<CheckResult | undefined> {
  // What the process has no time to remove, because the plugin ends or blocks it, is removed with this folder.
  const scratch = mkdtempSync(join(tmpdir(), 'tallyman-plugin-test-'));
  const child = fork(PROCESS, [JSON.stringify(job)], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    execArgv: [],
    env: { ...process.env, TMPDIR: scratch },
  });
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding('utf8').on('data', (text: string) => listener.text(text));
  }
  const watch = new Watch(child, timeLimit, listener);
  const clear = () => rmSync(scratch, { recursive: true, force: true });
  const separate = bind(child, clear);
  const closed = once(child, 'close');
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  await Promise.race([closed, pause(LAST_WORDS, undefined, { ref: false })]);
  separate();
  clear();
  return watch.verdict(signal ?? `exit status ${code}`);
}

/** Lets the process end with this one, also while the plugin blocks it. @returns undoes it */
function bind(child: ChildProcess, clear: () => void): () => void {
  const end = async (signal: NodeJS.Signals) => {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    clear();
    process.kill(process.pid, signal);
  };
  for (const signal of ENDINGS) process.once(signal, end);
  return () => {
    for (const signal of ENDINGS) process.off(signal, end);
  };
}

/** Follows what a process tells, and ends it when it tells nothing for too long. */
class Watch {
  private check = LOADING;
  private isDone = false;
  private isLate = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly child: ChildProcess,
    private readonly timeLimit: number,
    listener: CheckListener,
  ) {
    this.wait();
    child.on('message', (message) => {
      const news = message as CheckNews;
      if (news.type === 'checking') this.check = news.check;
      this.isDone = news.type === 'done';
      this.wait();
      listener.news(news);
    });
  }

  /** @param end how the process ended */
  verdict(end: string): CheckResult | undefined {
    clearTimeout(this.timer);
    if (this.isDone) {
      if (this.isLate) return { check: 'ends', problems: ['something that the plugin left keeps the process running'] };
      return end === 'exit status 0' ? undefined : { check: 'ends', problems: [`the process ended with ${end}`] };
    }
    const what = this.isLate ? `takes longer than ${this.timeLimit} ms` : `the plugin ended the process (${end})`;
    return { check: this.check, problems: [what] };
  }

  private wait(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(
      () => {
        this.isLate = true;
        this.child.kill('SIGKILL');
      },
      this.isDone ? END_LIMIT : this.timeLimit,
    );
  }
}
