import { closeSync, openSync, readdirSync, readFileSync, statSync } from 'node:fs';
import type { ReadBuffer } from './read-buffer.js';

/** Text of a file, `undefined` when it is missing or unreadable. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** The same without white space around it. */
export function readTrimmed(path: string): string | undefined {
  return readText(path)?.trim();
}

/** Names in a directory; empty when it is missing or unreadable. */
export function readNames(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** Whether a directory is there; links are followed. */
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
