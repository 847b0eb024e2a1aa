import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { HostPaths } from '../kernel/contracts/index.js';

/** Contents by absolute path; `null` leaves the file out, `-> target` makes a link, a path ending in `/` a directory. */
export type TreeFiles = Readonly<Record<string, string | number | null | readonly string[]>>;

/** A temporary directory that simulates a host's root. */
export class HostTree {
  readonly root = mkdtempSync(join(tmpdir(), `tallyman-test-${process.pid}-`));

  constructor(files: TreeFiles = {}) {
    this.add(files);
  }

  get paths(): HostPaths {
    const { root } = this;
    return { root, proc: join(root, 'proc'), sys: join(root, 'sys'), cgroup: join(root, 'sys/fs/cgroup') };
  }

  /** Writes files by their absolute path on that host; a key `mtime:<path>` with a number sets a file's time. */
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

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  private write(path: string, content: string): void {
    const file = join(this.root, path);
    mkdirSync(path.endsWith('/') ? file : dirname(file), { recursive: true });
    if (path.endsWith('/')) return;
    if (content.startsWith('-> ')) symlinkSync(content.slice(3), file);
    else writeFileSync(file, content);
  }
}
