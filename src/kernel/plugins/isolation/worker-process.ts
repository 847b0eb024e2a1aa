import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { deserialize } from 'node:v8';
import { BrokenPluginError } from '../../config/index.js';
import { type CollectionAccess, CollectionError, type Logger, TallymanError } from '../../contracts/index.js';
import { AccessServer } from './access-server.js';
import { MemoryGauge } from './memory-gauge.js';
import {
  type Call,
  fromWire,
  type Manifest,
  type ModuleLocation,
  type Outcome,
  outcomeOf,
  type ToAgent,
  type ToWorker,
} from './protocol.js';

const WORKER = fileURLToPath(new URL('./worker.js', import.meta.url));
const MEMORY_CHECK_INTERVAL_MS = 100;
/** Number of pings within the time limit. */
const CHECKS_PER_TIME_LIMIT = 4;
const TAIL = 2_000;
const MIB = 1024 * 1024;

export interface ProcessOptions {
  readonly id: string;
  readonly place: ModuleLocation;
  /** The `with` block as written. */
  readonly options: unknown;
  /** Maximum private memory of the process in bytes. */
  readonly memoryLimit: number;
  /** Maximum time in ms for which it may block its event loop, or continue an aborted call. */
  readonly timeLimit: number;
  /** Time limit in ms for importing the plugin. */
  readonly startTimeout: number;
  /** Result of `findParentDeathCommand`. */
  readonly parentDeathCommand: readonly string[];
}

interface WorkerOptions extends ProcessOptions {
  readonly logger: Logger;
  /** Called with errors of the plugin outside of calls. */
  readonly onFault: (what: string, error: Error) => void;
  /** Called once when the process exits unexpectedly, with the reason. */
  readonly onExit: (reason: TallymanError) => void;
}

interface Pending {
  readonly what: Call['method'];
  resolve(value: unknown): void;
  reject(error: unknown): void;
  readonly access?: AccessServer;
}

/** The process of one plugin, with limits on its memory and on blocking. */
export class WorkerProcess {
  private readonly child: ChildProcess;
  private readonly closed: Promise<void>;
  private readonly gauge: MemoryGauge | undefined;
  private readonly calls = new Map<number, Pending>();
  /** The newest aborted call that the plugin has not finished. */
  private abandoned: { readonly call: number; readonly what: Call['method'] } | undefined;
  private readonly ready: Promise<void>;
  private setReady = () => {};
  private lastCall = 0;
  private tail = '';
  private peak = 0;
  /** Why the agent kills it; without this it seems to have exited itself. */
  private killReason: TallymanError | undefined;
  private ended: TallymanError | undefined;
  private readonly timers: NodeJS.Timeout[] = [];
  private unanswered = 0;
  private lastCheck = 0;

  constructor(private readonly options: WorkerOptions) {
    this.ready = new Promise((resolve) => {
      this.setReady = resolve;
    });
    this.child = this.spawn();
    this.closed = new Promise((resolve) => {
      this.child.once('close', () => resolve());
    });
    this.gauge = this.child.pid === undefined ? undefined : new MemoryGauge(this.child.pid);
    this.every(MEMORY_CHECK_INTERVAL_MS, () => this.checkMemory());
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** Its private memory in bytes. */
  get memory(): number {
    return this.gauge?.privateBytes() ?? 0;
  }

  /** Imports the plugin and checks its options. @throws TallymanError */
  async load(): Promise<Manifest> {
    await this.ready;
    if (this.ended !== undefined) throw new BrokenPluginError(this.ended.message);
    const { id, place, options, startTimeout } = this.options;
    const limit = setTimeout(() => this.terminate(this.blocked(startTimeout)), startTimeout);
    try {
      return (await this.call({ method: 'load', id, place, options })) as Manifest;
    } finally {
      clearTimeout(limit);
      this.watchLoop();
    }
  }

  /**
   * Calls into the plugin.
   * @param access what a collection may use
   * @throws Error what the plugin threw, or the reason for which the process ended
   */
  call(what: Call, access?: CollectionAccess): Promise<unknown> {
    const call = ++this.lastCall;
    return new Promise((resolve, reject) => {
      if (this.ended !== undefined) {
        reject(new CollectionError('its plugin is being started again'));
        return;
      }
      const server =
        access && new AccessServer(access, (stream, event) => this.send({ type: 'stream', stream, what: event }));
      this.calls.set(call, { what: what.method, resolve, reject, ...(server && { access: server }) });
      if (access !== undefined) this.endWith(call, access.signal);
      this.send({ type: 'call', call, what });
    });
  }

  forget(target: number): void {
    this.send({ type: 'forget', target });
  }

  /** Kills the process. @returns resolves when it has exited and its pipes are closed */
  kill(): Promise<void> {
    this.end(new TallymanError('was stopped'), false);
    this.child.kill('SIGKILL');
    return this.closed;
  }

  private spawn(): ChildProcess {
    const flags = [`--max-old-space-size=${Math.ceil(this.options.memoryLimit / MIB)}`, '--v8-pool-size=1'];
    const [bond, ...bondArgs] = this.options.parentDeathCommand;
    const child = fork(WORKER, [], {
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: environment(),
      ...(bond === undefined
        ? { execArgv: flags }
        : { execPath: bond, execArgv: [...bondArgs, process.execPath, ...flags] }),
    });
    child.on('message', (message) => this.receive(message as ToAgent));
    child.on('error', (error) => this.end(new TallymanError(`its process failed: ${error.message}`), true));
    child.on('exit', (code, signal) => this.exited(code, signal));
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.tail = (this.tail + text).slice(-TAIL);
        this.options.logger.debug(text.trimEnd().slice(0, TAIL));
      });
      stream.on('error', () => {});
    }
    return child;
  }

  private receive(message: ToAgent): void {
    switch (message.type) {
      case 'ready':
        this.setReady();
        break;
      case 'pong':
        this.unanswered = 0;
        break;
      case 'result':
        this.settled(message.call, message.outcome);
        break;
      case 'access':
        void this.serve(message);
        break;
      case 'stream':
        for (const { access } of this.calls.values()) access?.happened(message.stream, message.what);
        break;
      case 'log':
        this.options.logger[message.level](message.message, message.details);
        break;
      case 'fault':
        this.options.onFault(message.what, fromWire(message.error));
    }
  }

  private async serve({ call, access, what }: Extract<ToAgent, { type: 'access' }>): Promise<void> {
    const server = this.calls.get(call)?.access;
    const outcome = await outcomeOf(() => {
      if (server === undefined) throw new CollectionError('the collection is over');
      return server.perform(access, what);
    });
    this.send({ type: 'answer', access, outcome });
  }

  private settled(call: number, outcome: Outcome): void {
    const pending = this.calls.get(call);
    this.calls.delete(call);
    if (this.abandoned?.call === call) this.abandoned = undefined;
    pending?.access?.close();
    if ('error' in outcome) pending?.reject(fromWire(outcome.error));
    else pending?.resolve(deserialize(outcome.value as Uint8Array));
  }

  /** Aborts the call in the worker when the signal is aborted; the worker is killed if the call continues. */
  private endWith(call: number, signal: AbortSignal): void {
    const abort = () => {
      this.send({ type: 'abort', call });
      const { timeLimit } = this.options;
      const timer = setTimeout(() => {
        const pending = this.calls.get(call);
        if (pending === undefined) return;
        this.calls.delete(call);
        this.abandoned = { call, what: pending.what };
        pending.access?.close();
        pending.reject(new TallymanError(`goes on for more than ${timeLimit} ms after it was to end`));
      }, timeLimit);
      timer.unref();
    };
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  }

  private send(message: ToWorker): void {
    if (this.ended === undefined && this.child.connected) this.child.send(message, () => {});
  }

  /** Starts when the plugin is loaded, because loading has its own time limit. */
  private watchLoop(): void {
    const beat = this.options.timeLimit / CHECKS_PER_TIME_LIMIT;
    this.lastCheck = performance.now();
    this.every(beat, () => this.checkLoop(beat));
  }

  private every(milliseconds: number, check: () => void): void {
    if (this.ended === undefined) this.timers.push(setInterval(check, milliseconds).unref());
  }

  private checkMemory(): void {
    const used = this.memory;
    this.peak = Math.max(this.peak, used);
    if (used > this.options.memoryLimit) this.terminate(this.tooMuchMemory(used));
  }

  private checkLoop(beat: number): void {
    const now = performance.now();
    // After a pause of the agent itself (a suspended machine) the worker could not answer.
    if (now - this.lastCheck > 2 * beat) this.unanswered = 0;
    this.lastCheck = now;
    if (this.unanswered > CHECKS_PER_TIME_LIMIT) {
      this.terminate(this.blocked(this.options.timeLimit));
      return;
    }
    this.unanswered++;
    if (this.unanswered === 1) this.send({ type: 'ping' });
  }

  private blocked(limit: number): TallymanError {
    return new TallymanError(`blocked its process for more than ${limit} ms${this.inCall()}`, {
      hint: 'it is in an endless loop, or needs a larger timeLimit (startTimeout for loading)',
    });
  }

  private terminate(killReason: TallymanError): void {
    if (this.killReason !== undefined) return;
    this.killReason = killReason;
    this.child.kill('SIGKILL');
  }

  private exited(code: number | null, signal: NodeJS.Signals | null): void {
    const outOfMemory = /heap out of memory|allocation fail/i.test(this.tail);
    const self = outOfMemory ? this.tooMuchMemory(this.peak) : undefined;
    const how = signal === null ? `ended its process with exit status ${code}` : `its process was ended by ${signal}`;
    this.end(this.killReason ?? self ?? new TallymanError(`${how}${this.inCall()}`), true);
  }

  private tooMuchMemory(used: number): TallymanError {
    const limit = Math.round(this.options.memoryLimit / MIB);
    return new TallymanError(`used more than its memoryLimit of ${limit} MiB${this.inCall()}`, {
      hint: `it had ${Math.round(used / MIB)} MiB: it leaks, or needs a larger memoryLimit`,
    });
  }

  /** The current call, for messages. */
  private inCall(): string {
    const whats = new Set([...this.calls.values()].map(({ what }) => what));
    if (this.abandoned !== undefined) whats.add(this.abandoned.what);
    return whats.size === 0 ? '' : ` (in ${[...whats].join(', ')})`;
  }

  private end(reason: TallymanError, isDeath: boolean): void {
    if (this.ended !== undefined) return;
    this.ended = reason;
    for (const timer of this.timers) clearInterval(timer);
    this.gauge?.close();
    const pending = [...this.calls.values()];
    this.calls.clear();
    for (const { access, what, reject } of pending) {
      access?.close();
      reject(endOf(what, reason));
    }
    this.setReady();
    if (isDeath) this.options.onExit(reason);
  }
}

/** What a call is told when the process ends. A collection is not at fault: the end is reported once, by `onExit`. */
function endOf(what: Call['method'], reason: TallymanError): Error {
  if (what === 'load') return new BrokenPluginError(reason.message);
  return what === 'start' || what === 'stop' ? reason : new CollectionError(`its plugin ${reason.message}`);
}

/** The agent's environment without the variables of the service manager. */
function environment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(NOTIFY_SOCKET$|WATCHDOG_|LISTEN_)/.test(name));
  return { ...Object.fromEntries(own), UV_THREADPOOL_SIZE: '2' };
}

/** A command that kills the worker when the agent is killed; empty when the host has none. */
export function findParentDeathCommand(): readonly string[] {
  const command = ['setpriv', '--pdeathsig', 'KILL'];
  const { status } = spawnSync(command[0]!, [...command.slice(1), 'true'], { stdio: 'ignore' });
  return status === 0 ? command : [];
}
