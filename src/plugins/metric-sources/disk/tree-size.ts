import { type Dirent, lstatSync, opendirSync, type Stats } from 'node:fs';
import { join } from 'node:path';

/** The disk usage of a directory tree. */
export interface TreeSize {
  /** Allocated bytes; hard links count once. */
  readonly bytes: number;
  /** Files, directories and others, each once. */
  readonly inodes: number;
  /** Device number (`st_dev`) of the filesystem. */
  readonly device: number;
  /** Number of directories that could not be read. */
  readonly unreadable: number;
}

const BLOCK = 512;
/** Entries between two calls of `breathe`. */
const ENTRIES_PER_PAUSE = 500;

/**
 * Measures a tree without leaving its filesystem and without following links. Files removed meanwhile are skipped.
 * @param pause called every few hundred entries
 * @throws a system error when the root cannot be examined
 */
export function measureTree(root: string, pause: () => void): TreeSize {
  return measure(root, pause, Number.POSITIVE_INFINITY)!;
}

/** Measures without pauses. @returns undefined when the tree has more than `maxEntries` entries, or cannot be read */
export function measureSmallTree(root: string, maxEntries: number): TreeSize | undefined {
  try {
    const size = measure(root, () => {}, maxEntries);
    return size?.unreadable === 0 ? size : undefined;
  } catch {
    return undefined;
  }
}

function measure(root: string, pause: () => void, maxEntries: number): TreeSize | undefined {
  const { dev: device, blocks } = lstatSync(root);
  const hardLinked = new Set<number>();
  const pending = [root];
  let bytes = blocks * BLOCK;
  let inodes = 1;
  let unreadable = 0;
  let entries = 0;
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    const readable = forEachEntry(directory, (entry) => {
      if (++entries > maxEntries) return false;
      if (entries % ENTRIES_PER_PAUSE === 0) pause();
      const path = join(directory as string, entry.name);
      const stat = statOf(path);
      if (stat === undefined || stat.dev !== device) return true;
      if (stat.isDirectory()) pending.push(path);
      else if (stat.nlink > 1) {
        if (hardLinked.has(stat.ino)) return true;
        hardLinked.add(stat.ino);
      }
      bytes += stat.blocks * BLOCK;
      inodes++;
      return true;
    });
    if (entries > maxEntries) return undefined;
    if (!readable) unreadable++;
  }
  return { bytes, inodes, device, unreadable };
}

export function statOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}

/**
 * Reads a directory in chunks, because it may have millions of entries, until `visit` returns false.
 * @returns false when it cannot be read
 */
function forEachEntry(path: string, visit: (entry: Dirent) => boolean): boolean {
  try {
    const directory = opendirSync(path, { bufferSize: 128 });
    try {
      for (let entry = directory.readSync(); entry !== null && visit(entry); entry = directory.readSync());
    } finally {
      directory.closeSync();
    }
    return true;
  } catch {
    return false;
  }
}

/** A tree to measure. A walker gets the next one after it has answered. */
export interface ToWalker {
  readonly path: string;
}

export type FromWalker =
  /** `thread`: the walker's thread id, when it is known. */
  | { readonly kind: 'ready'; readonly thread?: number }
  /** `elapsed`: how long the walk took, ms. */
  | { readonly kind: 'size'; readonly size: TreeSize; readonly elapsed: number }
  | { readonly kind: 'failure'; readonly code: string | undefined; readonly message: string };
