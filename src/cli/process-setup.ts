import { readFileSync } from 'node:fs';
import promises from 'node:fs/promises';
import { setFlagsFromString } from 'node:v8';

/** With this limit of open files or a higher one, reads are not limited. */
const ENOUGH_FILES = 1024;
/** Concurrent reads below that limit. */
const MAX_CONCURRENT_READS = 4;

// This module must be imported before any other.

// The young generation would grow to 32 MiB during start-up and keep most of it. Sampling and printing allocate next to
// nothing, so it is not worth its size.
setFlagsFromString('--semi-space-growth-factor=1');
// V8 does not use the bundle's code cache where flags differ from those of the build. The heap keeps the limit that it got
// from this one when the process started.
setFlagsFromString('--max-old-space-size=0');

// Node 20 opens all modules that it loads at the same time, hundreds of them, and fails where the limit of open files is
// lower. It reads them with this function.
if (openFileLimit() < ENOUGH_FILES) promises.readFile = withLimit(promises.readFile.bind(promises));

function openFileLimit(): number {
  try {
    return Number(
      /^Max open files\s+\S+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? ENOUGH_FILES,
    );
  } catch {
    return ENOUGH_FILES;
  }
}

function withLimit(read: typeof promises.readFile): typeof promises.readFile {
  const waiting: (() => void)[] = [];
  let running = 0;
  const limited = async (...args: Parameters<typeof promises.readFile>) => {
    if (running >= MAX_CONCURRENT_READS) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await read(...args);
    } finally {
      // The next read takes this one's place.
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
  return limited as typeof promises.readFile;
}
