import { createRequire } from 'node:module';
import { dirname } from 'node:path';

const require = createRequire(import.meta.url);

interface Manifest {
  readonly version: string;
  readonly engines: unknown;
  readonly devDependencies: Readonly<Record<string, string>>;
}

export function ownManifest(): Manifest {
  return require('tallyman/package.json');
}

/** The agent's version, from its package. */
export function agentVersion(): string {
  return ownManifest().version;
}

/** The folder that this package is installed in. */
export function packageFolder(): string {
  return dirname(require.resolve('tallyman/package.json'));
}
