import { ConfigError } from '../kernel/config/index.js';
import { messageOf, TallymanError } from '../kernel/contracts/index.js';
import type { CliEnvironment } from './environment.js';
import { EXIT } from './exit.js';

/** Prints an error. An unexpected one is printed with its stack trace. @returns the exit status */
export function reportError(error: unknown, cli: CliEnvironment): number {
  if (error instanceof ConfigError) {
    const count = error.problems.length;
    cli.error(
      `tallyman: ${count === 1 ? 'the configuration has an error' : `the configuration has ${count} errors`}\n`,
    );
    cli.error(`${error.message}\n`);
    return EXIT.config;
  }
  if (error instanceof TallymanError) {
    cli.error(`tallyman: ${error.message}\n${error.hint === undefined ? '' : `    ${error.hint}\n`}`);
    return EXIT.failure;
  }
  cli.error(`tallyman: ${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}\n`);
  return EXIT.failure;
}
