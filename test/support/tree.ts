import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import { HostTree as EmptyTree } from '../../src/testing/host-tree.js';

/** Contents by absolute path; `null` leaves the file out; a key `mtime:<path>` with a number sets a file's time. */
export type TreeFiles = Readonly<Record<string, string | number | null | readonly string[]>>;

/** A temporary directory that simulates a host's root, with the files of recorded hosts. */
export class HostTree extends EmptyTree {
  constructor(files: TreeFiles = {}) {
    super();
    this.add(files);
  }

  add(files: TreeFiles): void {
    for (const [path, content] of Object.entries(files)) {
      if (path.startsWith('/') && typeof content === 'string') this.write(path, content);
    }
    for (const [path, content] of Object.entries(files)) {
      if (!path.startsWith('mtime:') || typeof content !== 'number') continue;
      const file = path.slice('mtime:'.length);
      this.write(file, '');
      utimesSync(join(this.root, file), content, content);
    }
  }
}
