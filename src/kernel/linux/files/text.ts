import { closeSync, openSync, readdirSync, readFileSync, statSync } from 'node:fs';
import type { ReadBuffer } from './read-buffer.js';

/** The text of a file, `undefined` when missing or unreadable. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** The trimmed text of a file, `undefined` when missing or unreadable. */
export function readTrimmed(path: string): string | undefined {
  return readText(path)?.trim();
}

/** The entries of a directory; empty when missing or unreadable. */
export function readNames(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
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
