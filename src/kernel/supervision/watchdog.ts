import { MessageChannel, Worker } from 'node:worker_threads';
import { entryFormatter, type LogFormat } from '../log/index.js';
import type { CallBoard } from './call-board.js';
import { STUCK_AFTER_CHECKS, TIME } from './stuck-loop.js';
import type { WatchdogData } from './watchdog-thread.js';

/** Half the interval of the thread's checks. */
const BEAT_INTERVAL_MS = 500;
const THREAD = new URL('./watchdog-thread.js', import.meta.url);
/** The thread holds only a few strings. */
const LIMITS = { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1, stackSizeMb: 1 };
const STUCK = `has blocked the agent for ${STUCK_AFTER_CHECKS} s and still does`;
const IN_A_CALL =
  'until its call returns no sample is taken and no request answered; a service manager with a watchdog restarts the agent';
const IN_NO_CALL =
  'it is in no call into a plugin: what one began in a call (timers, promises) may run, or the host is overloaded';

/**
 * Logs which plugin's call blocks the event loop while it still blocks; the main thread could only say so afterwards. The
 * watchdog's thread takes 9 MB, so it runs only while there are plugins that are not built in.
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

  /** Watches these plugins, given by number. Starts the thread for the first one and ends it when none is left. */
  watch(plugins: ReadonlyMap<number, string>): void {
    if (plugins.size === 0) {
      this.stop();
      return;
    }
    this.running ??= this.start();
    // Lines are formatted here: loading the log's code would double the size of the thread.
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
    // Without the thread a blocking plugin is not named; nothing else depends on it.
    thread.on('error', () => {});
    thread.unref();
    port1.unref();
    return { thread, lines: port1, timer: setInterval(() => this.board.beat(), BEAT_INTERVAL_MS).unref() };
  }
}
