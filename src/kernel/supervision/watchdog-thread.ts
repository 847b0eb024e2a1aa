import { writeSync } from 'node:fs';
import { type MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { CallBoard } from './call-board.js';
import { StuckLoop } from './stuck-loop.js';

/** What the thread is started with. */
export interface WatchdogData {
  readonly memory: SharedArrayBuffer;
  /** Brings prepared lines by the numbers of plugins, each time they change. */
  readonly lines: MessagePort;
}

const LOOK_EVERY = 1_000;
const STDERR = 2;

const { memory, lines } = workerData as WatchdogData;
const board = new CallBoard(memory);
const loop = new StuckLoop();

for (;;) {
  board.rest(LOOK_EVERY);
  for (let news = receiveMessageOnPort(lines); news !== undefined; news = receiveMessageOnPort(lines)) {
    loop.lines = news.message as ReadonlyMap<number, string>;
  }
  say(loop.look(board.beats, board.current, new Date()));
}

/** Not by process.stderr, which is written by the very thread that does not answer. */
function say(line: string | undefined): void {
  if (line === undefined) return;
  try {
    writeSync(STDERR, line);
  } catch {
    // Nobody reads it; the main thread counts such lines once it can.
  }
}
