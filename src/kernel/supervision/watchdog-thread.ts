import { writeSync } from 'node:fs';
import { type MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { CallBoard } from './call-board.js';
import { StuckLoop } from './stuck-loop.js';

/** What the thread is started with. */
export interface WatchdogData {
  readonly memory: SharedArrayBuffer;
  /** Receives the prepared log lines by number of the plugin, each time the plugins change. */
  readonly lines: MessagePort;
}

const CHECK_INTERVAL_MS = 1_000;
const STDERR = 2;

const { memory, lines } = workerData as WatchdogData;
const board = new CallBoard(memory);
const loop = new StuckLoop();

for (;;) {
  board.sleep(CHECK_INTERVAL_MS);
  for (let update = receiveMessageOnPort(lines); update !== undefined; update = receiveMessageOnPort(lines)) {
    loop.lines = update.message as ReadonlyMap<number, string>;
  }
  write(loop.check(board.beats, board.current, new Date()));
}

/** Not through process.stderr, which the blocked main thread writes. */
function write(line: string | undefined): void {
  if (line === undefined) return;
  try {
    writeSync(STDERR, line);
  } catch {
    // Standard error is closed or full; the main thread counts lost lines when it runs again.
  }
}
