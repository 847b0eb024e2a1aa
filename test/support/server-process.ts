import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RealCgroup } from './real-cgroup.js';

/** A server of this host's packages, in a cgroup of its own and with a directory of its own. Must be a single process. */
export class ServerProcess {
  readonly directory = mkdtempSync(join(tmpdir(), 'tallyman-test-server-'));
  readonly cgroup: RealCgroup;

  /** @param name of the cgroup, without the slash */
  constructor(name: string) {
    this.cgroup = new RealCgroup(`/${name}`).create();
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  /** Writes a file into the directory. @returns its path */
  write(name: string, text: string, mode = 0o644): string {
    writeFileSync(this.path(name), text, { mode });
    return this.path(name);
  }

  /** Runs a command in the cgroup. @param ready asked until it does not throw any more */
  async start(command: string, ready: () => Promise<unknown>): Promise<void> {
    await this.cgroup.run(`exec ${command}`);
    const deadline = Date.now() + 60_000;
    for (;;) {
      try {
        await ready();
        return;
      } catch (error) {
        if (Date.now() > deadline) throw new Error(`"${command}" does not answer: ${error}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Kills it. The cgroup stays: to an agent it is the same container. */
  end(): Promise<void> {
    return this.cgroup.killScripts();
  }

  async remove(): Promise<void> {
    await this.cgroup.remove();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
