import { createRequire } from 'node:module';
import { dirname } from 'node:path';

const require = createRequire(import.meta.url);

/** The agent's version, from its package. */
export function agentVersion(): string {
  const { version } = require('tallyman/package.json') as { version: string };
  return version;
}

export function ownManifest(): { readonly devDependencies: Readonly<Record<string, string>> } & Record<
  string,
  unknown
> {
  return require('tallyman/package.json');
}

/** The folder that this package is installed in. */
export function packageFolder(): string {
  return dirname(require.resolve('tallyman/package.json'));
}
