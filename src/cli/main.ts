#!/usr/bin/env node
import './heap.js';
import { EXIT } from './exit.js';
import { runCli } from './program.js';

// A reader that has seen enough (`| head -1`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.ok);
  process.stderr.write(`tallyman: standard output cannot be written: ${error.message}\n`);
  process.exit(EXIT.output);
});
// Who would be told?
process.stderr.on('error', () => {});

process.exitCode = await runCli(process.argv.slice(2));
