import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../project.js';

/** The built agent in a folder that every user can read, wherever the clone is. */
export class Installation {
  private readonly folder = mkdtempSync(join(tmpdir(), 'tallyman-test-installation-'));
  readonly main = join(this.folder, 'dist/cli/main.js');

  constructor() {
    execFileSync(process.execPath, [join(projectRoot, 'scripts/production-tree.mjs'), this.folder]);
    openToAll(this.folder);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Copies have the modes of what they are copied from, which depend on the umask of whoever cloned. */
function openToAll(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) openToAll(path);
    else chmodSync(path, 0o644);
  }
}
