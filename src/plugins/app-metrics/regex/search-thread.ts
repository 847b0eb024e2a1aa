// Runs in a worker thread, which is terminated when an expression takes too long.
import { readlinkSync } from 'node:fs';
import { getHeapStatistics } from 'node:v8';
import { parentPort } from 'node:worker_threads';
import { compileRegex, firstGroup } from './metric.js';
import type { FromThread, ToThread } from './searcher.js';

/** Compiled expressions grow while they are used; all are forgotten when they take more than this many bytes. */
const MAX_CACHE_BYTES = 24 * 1024 * 1024;

const port = parentPort!;
const send = (message: FromThread) => port.postMessage(message);
const compiled = new Map<string, ReturnType<typeof compileRegex>>();
let text = '';

send({ thread: Number(readlinkSync('/proc/thread-self').split('/').at(-1)) });
port.on('message', (asked: ToThread) => {
  text = asked.text ?? text;
  if (getHeapStatistics().used_heap_size > MAX_CACHE_BYTES) compiled.clear();
  const pattern = compiled.get(asked.regex) ?? compileRegex(asked.regex);
  compiled.set(asked.regex, pattern);
  send(typeof pattern === 'string' ? { unusable: pattern } : { found: firstGroup(pattern, text) });
});
