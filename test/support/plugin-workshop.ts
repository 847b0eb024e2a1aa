import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { agentMain, projectRoot } from '../project.js';
import { CommandLine } from './command-line.js';
import type { CommandOutcome } from './command-process.js';

/** A folder in which plugins are written and compiled, as after `npm install` of the built project. */
export class PluginWorkshop {
  readonly directory = mkdtempSync(join(tmpdir(), 'tallyman-test-workshop-'));
  /** Where commands put temporary files. */
  readonly scratch = join(this.directory, 'scratch');
  readonly env = { ...process.env, TMPDIR: this.scratch };
  readonly main = agentMain;
  private readonly commands = new CommandLine();

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
  tallyman(...args: string[]): Promise<CommandOutcome> {
    return this.commands.run(args, this.directory, this.env);
  }

  /** Writes a file that nobody else may change. @returns its path */
  write(name: string, text: string): string {
    const file = join(this.directory, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    chmodSync(file, 0o644);
    return file;
  }

  async remove(): Promise<void> {
    await this.commands.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
