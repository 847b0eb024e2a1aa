// Runs command lines of the built agent, one after the other, for `CommandLine` in the process that started this one.
import { fileURLToPath, pathToFileURL } from 'node:url';
import { agentMain } from '../project.js';

/** A command line, and the circumstances of its process. */
export interface CommandJob {
  readonly args: readonly string[];
  readonly directory: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface CommandOutcome {
  readonly status: number | null;
  readonly out: string;
  readonly error: string;
}

export const COMMAND_PROCESS = fileURLToPath(import.meta.url);

type Bundle = typeof import('../../src/cli/bundle.js');

async function serve(): Promise<void> {
  const { loadBundle } = (await import(new URL('bundle.js', pathToFileURL(agentMain)).href)) as Bundle;
  const { runCli, processEnvironment } = loadBundle()!.program;
  const written = { out: '', error: '' };
  const keep = (stream: NodeJS.WriteStream, name: 'out' | 'error') => {
    stream.write = ((text: string) => {
      written[name] += text;
      return true;
    }) as typeof stream.write;
  };
  keep(process.stdout, 'out');
  keep(process.stderr, 'error');
  process.on('message', async ({ args, directory, env }: CommandJob) => {
    process.chdir(directory);
    for (const name of Object.keys(process.env)) delete process.env[name];
    Object.assign(process.env, env);
    const { handles: _, ...cli } = processEnvironment();
    const status = await runCli(args, { ...cli, notice: (text) => process.stdout.write(text) });
    process.send!({ status, ...written } satisfies CommandOutcome);
    Object.assign(written, { out: '', error: '' });
  });
}

if (process.argv[1] === COMMAND_PROCESS) await serve();
