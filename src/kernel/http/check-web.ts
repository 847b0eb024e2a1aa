import { createServer } from 'node:http';
import { ConfigError, parseListenAddress } from '../config/index.js';
import { codeOf, type Logger } from '../contracts/index.js';
import { listen } from './listen.js';
import type { WebOptions } from './options.js';
import { Gate, OPEN, type SecretPlaces, TlsMaterial } from './security/index.js';

/**
 * Reads every file that `web` names as the start would: passwords, tokens, certificate and key.
 * @throws ConfigError when one of them cannot be used
 */
export function checkSecretFiles(web: WebOptions, places: SecretPlaces, logger: Logger): void {
  const problems = [
    ...problemsOf(() => new Gate({ ...OPEN, ...web }, places, logger)),
    ...problemsOf(() => {
      if (web.tls?.cert !== undefined) new TlsMaterial(web.tls, places, logger);
    }),
  ];
  if (problems.length > 0) throw new ConfigError(problems);
}

function problemsOf(check: () => void): ConfigError['problems'] {
  try {
    check();
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

/**
 * Listens on a TCP address for a moment.
 * @returns the error that the start would end with because another process has the port; undefined when it is free,
 *   or when only another host, user or time could tell
 */
export async function occupied(address: string): Promise<Error | undefined> {
  if (parseListenAddress(address)?.kind !== 'tcp') return undefined;
  const server = createServer();
  try {
    await listen(server, address, 'http');
    return undefined;
  } catch (error) {
    return codeOf((error as Error).cause) === 'EADDRINUSE' ? (error as Error) : undefined;
  } finally {
    server.close();
  }
}
