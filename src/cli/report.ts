import { ConfigError } from '../kernel/config/index.js';
import { messageOf, TallymanError } from '../kernel/contracts/index.js';
import type { CliEnvironment } from './environment.js';
import { EXIT } from './exit.js';

/** Prints an error for people and says which status to exit with. An unforeseen one is printed with its stack. */
export function reportError(error: unknown, cli: CliEnvironment): number {
  const label = cli.colors ? '\x1b[31mtallyman:\x1b[39m' : 'tallyman:';
  if (error instanceof ConfigError) {
    const count = error.problems.length;
    cli.error(`${label} ${count === 1 ? 'the configuration has an error' : `the configuration has ${count} errors`}\n`);
    cli.error(`${error.message}\n`);
    return EXIT.config;
  }
  if (error instanceof TallymanError) {
    cli.error(`${label} ${error.message}\n${error.hint === undefined ? '' : `    ${error.hint}\n`}`);
    return EXIT.failure;
  }
  cli.error(`${label} ${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}\n`);
  return EXIT.failure;
}
