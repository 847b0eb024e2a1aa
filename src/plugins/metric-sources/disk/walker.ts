// Runs in a worker thread: sums up one directory tree after the other, on its lowest priority.
import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { codeOf, messageOf } from '../../../kernel/contracts/index.js';
import { type FromWalker, measureTree, type ToWalker } from './tree-size.js';

const LOWEST = 19;
const sleeper = new Int32Array(new SharedArrayBuffer(4));
let workedSince = performance.now();

/** Rests as long as it worked: the disk belongs to the containers. */
function breathe(): void {
  const worked = performance.now() - workedSince;
  if (worked >= 1) Atomics.wait(sleeper, 0, 0, worked);
  workedSince = performance.now();
}

/** The thread's id, which Linux takes for a process id in calls about priorities. */
function lowerPriority(): number | undefined {
  try {
    const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
    setPriority(thread, LOWEST);
    return thread;
  } catch {
    return undefined;
  }
}

const port = parentPort!;
const send = (message: FromWalker) => port.postMessage(message);
const thread = lowerPriority();
send({ kind: 'ready', ...(thread === undefined ? {} : { thread }) });
port.on('message', ({ path }: ToWalker) => {
  const begun = performance.now();
  workedSince = begun;
  try {
    send({ kind: 'size', size: measureTree(path, breathe), elapsed: performance.now() - begun });
  } catch (error) {
    send({ kind: 'failure', code: codeOf(error), message: messageOf(error) });
  }
});
