import { createRequire } from 'node:module';

/** The agent's version, from its package. */
export function agentVersion(): string {
  const { version } = createRequire(import.meta.url)('tallyman/package.json') as { version: string };
  return version;
}
