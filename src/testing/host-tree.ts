import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { resolveHostPaths } from '../kernel/linux/index.js';

/** A temporary directory that simulates a host's root. */
export class HostTree {
  readonly root = mkdtempSync(join(tmpdir(), `tallyman-test-${process.pid}-`));
  readonly paths = resolveHostPaths({ root: this.root });

  /** Writes a file by its absolute path on that host. A path that ends in `/` is a directory, `-> x` a link to x. */
  write(path: string, content: string): void {
    const file = join(this.root, path);
    mkdirSync(path.endsWith('/') ? file : dirname(file), { recursive: true });
    if (path.endsWith('/')) return;
    if (content.startsWith('-> ')) symlinkSync(content.slice(3), file);
    else writeFileSync(file, content);
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
