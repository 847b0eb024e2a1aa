const CURRENT = 0;
const BEATS = 1;
const NOTHING = 2;
const CELLS = 3;

/**
 * Where the main thread shows what it does, for a thread that looks while it does not answer: the number of the plugin
 * whose call runs, and that the event loop turns. Showing it is a store to memory.
 */
export class CallBoard {
  private readonly cells: Int32Array;

  constructor(readonly memory: SharedArrayBuffer = new SharedArrayBuffer(CELLS * Int32Array.BYTES_PER_ELEMENT)) {
    this.cells = new Int32Array(memory);
  }

  /** A call of this plugin begins. @returns what to give to `leave` when it returns */
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

  /** The event loop turns. */
  beat(): void {
    Atomics.add(this.cells, BEATS, 1);
  }

  get beats(): number {
    return Atomics.load(this.cells, BEATS);
  }

  /** Waits without doing anything. Not for the main thread. */
  rest(milliseconds: number): void {
    Atomics.wait(this.cells, NOTHING, 0, milliseconds);
  }
}
