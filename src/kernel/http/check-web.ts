import { createServer } from 'node:http';
import { ConfigError, parseListenAddress, type WebConfig } from '../config/index.js';
import { codeOf, type Logger } from '../contracts/index.js';
import { listen } from './listen.js';
import { Gate } from './security/gate.js';
import type { SecretPlaces } from './security/secret-file.js';
import { TlsMaterial } from './security/tls.js';

/**
 * Reads every file that `web` names, as the agent does at start: passwords, tokens, certificate and key.
 * @throws ConfigError when one of them cannot be used
 */
export function checkSecretFiles(web: WebConfig, places: SecretPlaces, logger: Logger): void {
  const problems = [
    ...problemsOf(() => new Gate(web, places, logger)),
    ...problemsOf(() => {
      if (web.tls.cert !== undefined) new TlsMaterial(web.tls, places, logger);
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
 * Checks whether a TCP address is free by listening on it briefly.
 * @returns the error with which the agent would fail to start because the port is in use; undefined when it is free or
 *   when listening fails for another reason, which need not apply to the agent's host and user
 */
export async function portInUse(address: string): Promise<Error | undefined> {
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
