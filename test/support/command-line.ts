import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { COMMAND_PROCESS, type CommandJob, type CommandOutcome } from './command-process.js';

/**
 * Runs commands of the built agent in one process, as loading the program takes ten times as long as most commands.
 * For commands that end by themselves and leave nothing open.
 */
export class CommandLine {
  private child: ChildProcess | undefined;
  private last: Promise<unknown> = Promise.resolve();

  /** Runs one command, after those that were asked for before. */
  run(
    args: readonly string[],
    directory: string,
    env: Readonly<Record<string, string | undefined>>,
  ): Promise<CommandOutcome> {
    const outcome = this.last.then(() => this.ask({ args, directory, env }));
    this.last = outcome.catch(() => {});
    return outcome;
  }

  async stop(): Promise<void> {
    const { child } = this;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  private ask(job: CommandJob): Promise<CommandOutcome> {
    this.child ??= fork(COMMAND_PROCESS, { execArgv: [] });
    const { child } = this;
    return new Promise((resolve, reject) => {
      const died = (code: number | null) => reject(new Error(`"${job.args.join(' ')}" ended its process: ${code}`));
      child.once('exit', died);
      child.once('message', (outcome) => {
        child.off('exit', died);
        resolve(outcome as CommandOutcome);
      });
      child.send(job);
    });
  }
}
