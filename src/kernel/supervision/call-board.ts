const CURRENT = 0;
const BEATS = 1;
const NOTHING = 2;
const CELLS = 3;

/**
 * Memory shared with the watchdog thread: the number of the plugin whose call runs, and a counter that shows that the event
 * loop turns. An update is one store, cheap enough for every call.
 */
export class CallBoard {
  private readonly cells: Int32Array;

  constructor(readonly memory: SharedArrayBuffer = new SharedArrayBuffer(CELLS * Int32Array.BYTES_PER_ELEMENT)) {
    this.cells = new Int32Array(memory);
  }

  /** Marks the beginning of a call into this plugin. @returns the argument for `leave` at its end */
  enter(plugin: number): number {
    const before = this.cells[CURRENT]!;
    this.cells[CURRENT] = plugin;
    return before;
  }

  leave(before: number): void {
    this.cells[CURRENT] = before;
  }

  /** The plugin whose call runs; 0: none. */
  get current(): number {
    return Atomics.load(this.cells, CURRENT);
  }

  /** Records that the event loop runs. */
  beat(): void {
    Atomics.add(this.cells, BEATS, 1);
  }

  get beats(): number {
    return Atomics.load(this.cells, BEATS);
  }

  /** Blocks the calling thread; not for the main thread. */
  sleep(milliseconds: number): void {
    Atomics.wait(this.cells, NOTHING, 0, milliseconds);
  }
}
