import { statSync } from 'node:fs';

/** Differs after a change of a file or directory, and for another one in its place; undefined when there is none. */
export function fileMark(path: string): string | undefined {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats && `${stats.ino} ${stats.mtimeMs}`;
  } catch {
    return undefined;
  }
}
