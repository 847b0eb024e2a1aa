import { readFileSync } from 'node:fs';
import { parseHtdigest } from './htdigest.js';
import type { SecurityOptions } from './options.js';
import { type SecretPlaces, secretPath } from './secret-file.js';
import { readTokens } from './tokens.js';

/** What a program that may read the agent's own files can show the agent, and what it knows it by. */
export interface OwnCredentials {
  readonly token?: string;
  readonly digest?: { readonly user: string; readonly hash: string };
  /** PEM of the certificate that the agent shows. */
  readonly certificate?: Buffer;
}

/**
 * Takes credentials from the files that the configuration names. Of Basic there are none: its files hold hashes only.
 * @param user whose; absent: those of the first user
 * @throws when a file that is named cannot be read or understood
 */
export function ownCredentials(
  { auth, tls }: SecurityOptions,
  places: SecretPlaces,
  user: string | undefined,
): OwnCredentials {
  const read = (option: string, spec: string) => readFileSync(secretPath(option, spec, places));
  const fits = (name: string) => user === undefined || name === user;
  const { bearer, digest } = auth;
  const tokens =
    bearer.file === undefined ? [] : readTokens(read('web.auth.bearer.file', bearer.file).toString('utf8'));
  const hashes =
    digest.file === undefined
      ? []
      : [...parseHtdigest(read('web.auth.digest.file', digest.file).toString('utf8'), digest.realm)];
  const token = tokens.find(({ name }) => fits(name))?.token;
  const [name, hash] = hashes.find(([each]) => fits(each)) ?? [];
  return {
    ...(token !== undefined && { token }),
    ...(name !== undefined && hash !== undefined && { digest: { user: name, hash } }),
    ...(tls.cert !== undefined && { certificate: read('web.tls.cert', tls.cert) }),
  };
}
