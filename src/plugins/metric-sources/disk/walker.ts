// Runs in a worker thread of lowest priority: measures directory trees, one at a time.
import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { codeOf, messageOf } from '../../../kernel/contracts/index.js';
import { type FromWalker, measureTree, type ToWalker } from './tree-size.js';

const LOWEST = 19;
const sleeper = new Int32Array(new SharedArrayBuffer(4));
let workedSince = performance.now();

/** Sleeps as long as it worked, to leave the disk to the containers. */
function pause(): void {
  const worked = performance.now() - workedSince;
  if (worked >= 1) Atomics.wait(sleeper, 0, 0, worked);
  workedSince = performance.now();
}

/** @returns the thread's id, which Linux accepts as a process id in calls about priorities */
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
  const startedAt = performance.now();
  workedSince = startedAt;
  try {
    send({ kind: 'size', size: measureTree(path, pause), elapsed: performance.now() - startedAt });
  } catch (error) {
    send({ kind: 'failure', code: codeOf(error), message: messageOf(error) });
  }
});
