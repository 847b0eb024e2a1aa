#!/usr/bin/env node
import './process-setup.js';
import { loadBundle } from './bundle.js';
import { EXIT } from './exit.js';

// A closed pipe (`| head -1`) is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.ok);
  process.stderr.write(`tallyman: standard output cannot be written: ${error.message}\n`);
  process.exit(EXIT.output);
});
// An error of standard error cannot be reported anywhere.
process.stderr.on('error', () => {});

const FILE_LIMIT_TOO_LOW =
  'the limit of open files is too low to start: set ulimit -n 1024, or LimitNOFILE=1024 in the unit; the minimum is 40';

try {
  const { runCli, processEnvironment } = loadBundle()?.program ?? (await import('./program.js'));
  const cli = processEnvironment();
  const status = await runCli(process.argv.slice(2), cli);
  await cli.handles?.report((text) => cli.error(`tallyman: ${text}\n`));
  // A pipe takes the rest of a long output only as fast as its reader reads.
  if (process.stdout.writableLength > 0) await new Promise((resolve) => process.stdout.write('', resolve));
  // Handles that a plugin left open would keep the process running.
  process.exit(status);
} catch (error) {
  if ((error as NodeJS.ErrnoException).code !== 'EMFILE') throw error;
  process.stderr.write(`tallyman: ${FILE_LIMIT_TOO_LOW}\n`);
  process.exitCode = EXIT.failure;
}
