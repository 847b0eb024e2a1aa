import { MessageChannel, Worker } from 'node:worker_threads';
import { entryFormatter, type LogFormat } from '../log/index.js';
import type { CallBoard } from './call-board.js';
import { PATIENCE, TIME } from './stuck-loop.js';
import type { WatchdogData } from './watchdog-thread.js';

/** Beats come twice between two looks of the thread. ms */
const BEAT_EVERY = 500;
const THREAD = new URL('./watchdog-thread.js', import.meta.url);
/** It holds a handful of strings. */
const LIMITS = { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1, stackSizeMb: 1 };
const STUCK = `has kept everything else waiting for ${PATIENCE} s, and still does`;
const IN_A_CALL =
  'until its call returns no sample is taken and no request answered; a service manager with a watchdog restarts the agent';
const IN_NO_CALL =
  'it is in no call into a plugin: what one began in a call (timers, promises) may run, or the host is overloaded';

/**
 * Names the plugin whose call does not return, while it does not: the thread that could say so afterwards is the one that
 * waits. A thread of its own does, which takes 9 MB: it is there only while plugins run that did not come with the agent.
 */
export class Watchdog {
  private running: ReturnType<Watchdog['start']> | undefined;
  private readonly print: ReturnType<typeof entryFormatter>;

  constructor(
    private readonly board: CallBoard,
    format: LogFormat,
  ) {
    this.print = entryFormatter(format);
  }

  /** Watches over these plugins, by their numbers: starts the thread for the first, ends it after the last. */
  watch(plugins: ReadonlyMap<number, string>): void {
    if (plugins.size === 0) {
      this.stop();
      return;
    }
    this.running ??= this.start();
    // The thread has no use for the log's code, which would double its size.
    const line = (who: string, details: Record<string, unknown>) =>
      this.print({ level: 'error', time: TIME, part: 'plugins', ...details, msg: `${who} ${STUCK}` });
    const named = [...plugins].map(
      ([number, id]) => [number, line(`plugin ${id}`, { plugin: id, hint: IN_A_CALL })] as const,
    );
    this.running.lines.postMessage(new Map([[0, line('the agent', { hint: IN_NO_CALL })], ...named]));
  }

  stop(): void {
    if (this.running === undefined) return;
    const { lines, timer, thread } = this.running;
    clearInterval(timer);
    lines.close();
    void thread.terminate();
    this.running = undefined;
  }

  private start() {
    const { port1, port2 } = new MessageChannel();
    const workerData: WatchdogData = { memory: this.board.memory, lines: port2 };
    const thread = new Worker(THREAD, { workerData, transferList: [port2], resourceLimits: LIMITS });
    // Nobody is named then; everything else goes on.
    thread.on('error', () => {});
    thread.unref();
    port1.unref();
    return { thread, lines: port1, timer: setInterval(() => this.board.beat(), BEAT_EVERY).unref() };
  }
}
