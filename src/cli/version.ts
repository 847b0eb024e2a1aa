import { createRequire } from 'node:module';
import { dirname } from 'node:path';

const require = createRequire(import.meta.url);

/** The agent's version, from its package. */
export function agentVersion(): string {
  const { version } = require('tallyman/package.json') as { version: string };
  return version;
}

/** The folder that this package is installed in. */
export function packageFolder(): string {
  return dirname(require.resolve('tallyman/package.json'));
}
