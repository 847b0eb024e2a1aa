import { closeSync, openSync, statSync } from 'node:fs';
import { readText } from '../../contracts/index.js';
import type { ReadBuffer } from './read-buffer.js';

/** The trimmed text of a file, `undefined` when missing or unreadable. */
export function readTrimmed(path: string): string | undefined {
  return readText(path)?.trim();
}

/** Whether the path is a directory; links are followed. */
export function isDirectory(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch {
    return false;
  }
}

/** Opens, reads and closes a file. @returns the number of bytes in `buffer.bytes`, −1 when missing or unreadable */
export function readOnce(path: string, buffer: ReadBuffer): number {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch {
    return -1;
  }
  try {
    return buffer.fillToEnd(descriptor);
  } catch {
    return -1;
  } finally {
    closeSync(descriptor);
  }
}
