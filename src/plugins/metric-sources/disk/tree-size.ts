import { type Dirent, lstatSync, opendirSync, type Stats } from 'node:fs';
import { join } from 'node:path';

/** What a directory tree takes up on its filesystem. */
export interface TreeSize {
  /** Allocated bytes; files with several names count once. */
  readonly bytes: number;
  /** Files, directories and the rest, each once. */
  readonly inodes: number;
  /** Device number (`st_dev`) of the filesystem. */
  readonly device: number;
  /** Directories that could not be read and are missing in the sums. */
  readonly unreadable: number;
}

const BLOCK = 512;
/** Entries between two calls of `breathe`. */
const STRIDE = 500;

/**
 * Sums a tree up without leaving its filesystem and without following links. What vanishes meanwhile is left out.
 * @param breathe called every few hundred entries
 * @throws a system error when the root itself cannot be looked at
 */
export function measureTree(root: string, breathe: () => void): TreeSize {
  return sumUp(root, breathe, Number.POSITIVE_INFINITY)!;
}

/** The same at once. @returns undefined when the tree has more than `most` entries, or cannot be read */
export function measureSmallTree(root: string, most: number): TreeSize | undefined {
  try {
    const size = sumUp(root, () => {}, most);
    return size?.unreadable === 0 ? size : undefined;
  } catch {
    return undefined;
  }
}

function sumUp(root: string, breathe: () => void, most: number): TreeSize | undefined {
  const { dev: device, blocks } = lstatSync(root);
  const several = new Set<number>();
  const pending = [root];
  let bytes = blocks * BLOCK;
  let inodes = 1;
  let unreadable = 0;
  let entries = 0;
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    const readable = forEachEntry(directory, (entry) => {
      if (++entries > most) return false;
      if (entries % STRIDE === 0) breathe();
      const path = join(directory as string, entry.name);
      const stat = statOf(path);
      if (stat === undefined || stat.dev !== device) return true;
      if (stat.isDirectory()) pending.push(path);
      else if (stat.nlink > 1) {
        if (several.has(stat.ino)) return true;
        several.add(stat.ino);
      }
      bytes += stat.blocks * BLOCK;
      inodes++;
      return true;
    });
    if (entries > most) return undefined;
    if (!readable) unreadable++;
  }
  return { bytes, inodes, device, unreadable };
}

/** @returns undefined when it cannot be looked at */
export function statOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}

/**
 * Reads a directory piece by piece, as one may hold millions of names, until `visit` returns false.
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

/** A tree to sum up. A walker gets the next one after it has answered. */
export interface ToWalker {
  readonly path: string;
}

export type FromWalker =
  /** `thread`: the walker's thread id, when it is known. */
  | { readonly kind: 'ready'; readonly thread?: number }
  /** `elapsed`: how long the walk took, ms. */
  | { readonly kind: 'size'; readonly size: TreeSize; readonly elapsed: number }
  | { readonly kind: 'failure'; readonly code: string | undefined; readonly message: string };
