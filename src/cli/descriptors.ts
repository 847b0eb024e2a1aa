import { readFileSync } from 'node:fs';
import promises from 'node:fs/promises';

/** A limit of open files above which nothing has to be spared. */
const PLENTY = 1024;
/** Files that may be read at once below it. */
const AT_ONCE = 4;

// Node 20 opens all modules that it is about to load at once, hundreds of them, and fails where the limit of open files is
// lower. It reads them by this function. Must run before anything else is imported.
if (openFilesAllowed() < PLENTY) promises.readFile = fewAtOnce(promises.readFile.bind(promises));

function openFilesAllowed(): number {
  try {
    return Number(/^Max open files\s+\S+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? PLENTY);
  } catch {
    return PLENTY;
  }
}

function fewAtOnce(read: typeof promises.readFile): typeof promises.readFile {
  const waiting: (() => void)[] = [];
  let running = 0;
  const limited = async (...args: Parameters<typeof promises.readFile>) => {
    if (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await read(...args);
    } finally {
      // The place goes to the next one as it is.
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
  return limited as typeof promises.readFile;
}
