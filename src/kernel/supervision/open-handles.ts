import { AsyncLocalStorage, createHook } from 'node:async_hooks';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';

/** Resources that keep a process alive: Node's name and the common one. */
const HANDLES: Readonly<Record<string, string>> = {
  Timeout: 'timer',
  TCPWRAP: 'TCP connection',
  TCPSERVERWRAP: 'TCP server',
  UDPWRAP: 'UDP socket',
  PIPEWRAP: 'unix socket',
  PIPESERVERWRAP: 'unix socket server',
  FSEVENTWRAP: 'watched file',
  STATWATCHER: 'watched file',
  PROCESSWRAP: 'subprocess',
  SIGNALWRAP: 'signal handler',
  WORKER: 'thread',
  MESSAGEPORT: 'message port',
};
/** Number of handles at which closed ones are removed for the first time. */
const FIRST_SWEEP = 256;
/** Time for threads and sockets that are being closed to be gone, ms. */
const GRACE_MS = 500;
const GRACE_STEP_MS = 10;

interface Handle {
  readonly owner: string;
  readonly type: string;
  readonly resource: WeakRef<Resource>;
}

interface Resource {
  hasRef?(): boolean;
  /** True for a cleared timer, of which `hasRef` is still true. */
  readonly _destroyed?: boolean;
}

function isOpen(resource: Resource | undefined): boolean {
  return resource?.hasRef?.() === true && resource._destroyed !== true;
}

/**
 * Tracks which plugin opened the timers, sockets and other handles that keep the process alive. The hook is enabled by the
 * first call of `during`, so that it costs nothing without plugins of others.
 */
export class OpenHandles {
  private readonly loading = new AsyncLocalStorage<string>();
  private readonly hook = createHook({ init: (_id, type, _trigger, resource) => this.created(type, resource) });
  private handles: Handle[] = [];
  private sweepAt = FIRST_SWEEP;
  private ownerNow: () => string | undefined = () => undefined;

  /** Runs a call of a plugin and attributes what it opens, then or later, to the plugin. */
  during<T>(plugin: string, call: () => T): T {
    this.hook.enable();
    return this.loading.run(plugin, call);
  }

  /** Sets a second source of attribution, besides `during`. */
  attribute(ownerNow: () => string | undefined): void {
    this.ownerNow = ownerNow;
  }

  /** Reports for each plugin what it left open: `plugin x left open: 2 timers, 1 TCP server`. */
  async report(say: (text: string, plugin: string) => void): Promise<void> {
    // What was closed just now is released in the next turns of the event loop; a thread takes longer to end.
    await nextTurn();
    await nextTurn();
    this.sweep();
    for (let waited = 0; this.handles.length > 0 && waited < GRACE_MS; waited += GRACE_STEP_MS) {
      await pause(GRACE_STEP_MS);
      this.sweep();
    }
    const byOwner = new Map<string, Map<string, number>>();
    for (const { owner, type } of this.handles) {
      const counts = byOwner.get(owner) ?? new Map<string, number>();
      byOwner.set(owner, counts.set(HANDLES[type]!, (counts.get(HANDLES[type]!) ?? 0) + 1));
    }
    this.handles = [];
    for (const [owner, counts] of byOwner) {
      const words = [...counts].map(([kind, count]) => `${count} ${kind}${count === 1 ? '' : 's'}`);
      say(`plugin ${owner} left open: ${words.join(', ')}; the process ends without waiting for it`, owner);
    }
  }

  private created(type: string, resource: object): void {
    if (!Object.hasOwn(HANDLES, type)) return;
    const owner = this.ownerNow() ?? this.loading.getStore();
    if (owner === undefined) return;
    this.handles.push({ owner, type, resource: new WeakRef(resource) });
    if (this.handles.length > this.sweepAt) this.sweep();
  }

  private sweep(): void {
    this.handles = this.handles.filter(({ resource }) => isOpen(resource.deref()));
    this.sweepAt = Math.max(FIRST_SWEEP, this.handles.length * 2);
  }
}
