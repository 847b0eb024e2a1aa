#!/usr/bin/env node
import './heap.js';
import './descriptors.js';
import { EXIT } from './exit.js';

// A reader that has seen enough (`| head -1`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.ok);
  process.stderr.write(`tallyman: standard output cannot be written: ${error.message}\n`);
  process.exit(EXIT.output);
});
// Who would be told?
process.stderr.on('error', () => {});

const NEEDED =
  'the limit of open files is too low to start: ulimit -n 1024, or LimitNOFILE=1024 in the unit; 40 are the least';

try {
  const { runCli, processEnvironment } = await import('./program.js');
  const cli = processEnvironment();
  const status = await runCli(process.argv.slice(2), cli);
  await cli.handles?.tell((text) => cli.error(`tallyman: ${text}\n`));
  // What a plugin left open would keep the process alive for ever.
  process.exit(status);
} catch (error) {
  if ((error as NodeJS.ErrnoException).code !== 'EMFILE') throw error;
  process.stderr.write(`tallyman: ${NEEDED}\n`);
  process.exitCode = EXIT.failure;
}
