import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { agentMain, projectRoot } from '../project.js';

interface Outcome {
  readonly status: number | null;
  readonly out: string;
  readonly error: string;
}

/** A folder in which plugins are written and compiled, as after `npm install` of the built project. */
export class PluginWorkshop {
  readonly directory = mkdtempSync(join(tmpdir(), 'tallyman-test-workshop-'));
  /** Where commands put temporary files. */
  readonly scratch = join(this.directory, 'scratch');
  readonly env = { ...process.env, TMPDIR: this.scratch };
  readonly main = agentMain;

  constructor() {
    const modules = join(this.directory, 'node_modules');
    mkdirSync(modules);
    mkdirSync(this.scratch);
    writeFileSync(join(this.directory, 'package.json'), '{ "private": true }');
    for (const name of ['@types', 'undici-types', 'typescript']) {
      symlinkSync(join(projectRoot, 'node_modules', name), join(modules, name));
    }
    symlinkSync(projectRoot, join(modules, 'tallyman'));
  }

  /** Runs a command there. Asynchronous, so that servers of this process can answer meanwhile. */
  tallyman(...args: string[]): Promise<Outcome> {
    const { directory: cwd, main, env } = this;
    return new Promise((resolve) => {
      const child = execFile(process.execPath, [main, ...args], { cwd, env, encoding: 'utf8' }, (_, out, error) => {
        resolve({ status: child.exitCode, out, error });
      });
    });
  }

  /** Writes a file that nobody else may change. @returns its path */
  write(name: string, text: string): string {
    const file = join(this.directory, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    chmodSync(file, 0o644);
    return file;
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
