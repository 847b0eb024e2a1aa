import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { PluginKind } from '../../../kernel/contracts/index.js';

/** Argument of the process that runs the checks. */
export interface CheckJob {
  /** As the user gave it. */
  readonly path: string;
  /** Base of a relative path. */
  readonly directory: string;
  /** Default: those of the first test case. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Write the output of the test cases as their expected output. */
  readonly update: boolean;
}

export interface CheckResult {
  readonly check: string;
  /** Empty if the check passed. */
  readonly problems: readonly string[];
  readonly remark?: string;
}

/** Messages of the process, in the order of time. */
export type CheckMessage =
  | { readonly type: 'plugin'; readonly kind: PluginKind; readonly name: string; readonly module: string }
  | { readonly type: 'checking'; readonly check: string }
  | { readonly type: 'result'; readonly result: CheckResult }
  /** Followed by a result only when the process does not end by itself. */
  | { readonly type: 'done' };

export const LOADING = 'can be loaded';

const CHECK_PROCESS = fileURLToPath(new URL('./check-process.js', import.meta.url));
/** Time that the process has to end by itself once the checks are done. */
export const EXIT_TIMEOUT_MS = 5_000;
/** Output that was written before the exit arrives within this time. */
const OUTPUT_TIMEOUT_MS = 500;

const TERMINATION_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface CheckListener {
  onMessage(message: CheckMessage): void;
  /** Output of the plugin, or of Node, on standard output or error. */
  onOutput(text: string): void;
}

/**
 * Runs the checks in a child process and watches it.
 * @param timeLimitMs for one check
 * @returns a failure that the process could not report itself: the plugin exited or blocked it
 */
export async function runChecks(
  job: CheckJob,
  timeLimitMs: number,
  listener: CheckListener,
): Promise<CheckResult | undefined> {
  // Files that the process cannot remove, because the plugin exits or blocks it, are removed with this folder.
  const scratch = mkdtempSync(join(tmpdir(), 'tallyman-plugin-test-'));
  const child = fork(CHECK_PROCESS, [JSON.stringify(job)], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    execArgv: [],
    env: { ...process.env, TMPDIR: scratch },
  });
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding('utf8').on('data', (text: string) => listener.onOutput(text));
  }
  const watchdog = new CheckWatchdog(child, timeLimitMs, listener);
  const clear = () => rmSync(scratch, { recursive: true, force: true });
  const unbind = killWithParent(child, clear);
  const closed = once(child, 'close');
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  await Promise.race([closed, pause(OUTPUT_TIMEOUT_MS, undefined, { ref: false })]);
  unbind();
  clear();
  return watchdog.result(signal ?? `exit status ${code}`);
}

/** Kills the child when this process is terminated, even if the plugin blocks it. @returns a function that undoes this */
function killWithParent(child: ChildProcess, clear: () => void): () => void {
  const terminate = async (signal: NodeJS.Signals) => {
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    clear();
    process.kill(process.pid, signal);
  };
  for (const signal of TERMINATION_SIGNALS) process.once(signal, terminate);
  return () => {
    for (const signal of TERMINATION_SIGNALS) process.off(signal, terminate);
  };
}

/** Kills a process that sends no message within the time limit. */
class CheckWatchdog {
  private check = LOADING;
  private isDone = false;
  private isTimedOut = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly child: ChildProcess,
    private readonly timeLimitMs: number,
    listener: CheckListener,
  ) {
    this.restart();
    child.on('message', (received) => {
      const message = received as CheckMessage;
      if (message.type === 'checking') this.check = message.check;
      this.isDone ||= message.type === 'done';
      this.restart();
      listener.onMessage(message);
    });
  }

  /** @param end how the process ended */
  result(end: string): CheckResult | undefined {
    clearTimeout(this.timer);
    if (this.isDone) {
      if (this.isTimedOut) return { check: 'ends', problems: ['something that the plugin left blocks the process'] };
      return end === 'exit status 0' ? undefined : { check: 'ends', problems: [`the process ended with ${end}`] };
    }
    const problem = this.isTimedOut
      ? `takes longer than ${this.timeLimitMs} ms`
      : `the plugin ended the process (${end})`;
    return { check: this.check, problems: [problem] };
  }

  private restart(): void {
    clearTimeout(this.timer);
    // When it is done it reports by itself what keeps it running, unless it is blocked.
    const limitMs = this.timeLimitMs + (this.isDone ? EXIT_TIMEOUT_MS : 0);
    this.timer = setTimeout(() => {
      this.isTimedOut = true;
      this.child.kill('SIGKILL');
    }, limitMs);
  }
}
