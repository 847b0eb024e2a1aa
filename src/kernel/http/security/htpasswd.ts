import { createHash } from 'node:crypto';
import apacheMd5 from 'apache-md5';
import type { BcryptWorker } from './bcrypt-worker.js';
import { sameText } from './same.js';

/** The package exports the function itself; its types speak of a default export. */
const apr1 = apacheMd5 as unknown as (password: string, hash: string) => string;

/** The users of an htpasswd file and the hashes of their passwords. */
export type PasswordHashes = ReadonlyMap<string, string>;

const BCRYPT = /^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/;
const APR1 = /^\$apr1\$[^$]{0,8}\$[./A-Za-z0-9]{22}$/;
const SHA1 = /^\{SHA\}[A-Za-z0-9+/]{27}=$/;

/**
 * Reads an htpasswd file.
 * @throws Error naming the line of an entry that cannot be checked: a user who cannot log in should be told why
 */
export function parseHtpasswd(text: string): PasswordHashes {
  const users = new Map<string, string>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const colon = line.indexOf(':');
    const hash = line.slice(colon + 1).trim();
    if (colon < 1) throw new Error(`line ${index + 1} is not of the form user:hash`);
    if (!BCRYPT.test(hash) && !APR1.test(hash) && !SHA1.test(hash)) {
      throw new Error(`the hash in line ${index + 1} is none of bcrypt, apr1 and SHA; make it with htpasswd -B`);
    }
    users.set(line.slice(0, colon), hash);
  }
  return users;
}

/** Whether the password fits the hash, in a time that does not depend on how much of it does. */
export async function passwordFits(password: string, hash: string, bcrypt: BcryptWorker): Promise<boolean> {
  if (hash.startsWith('$2')) return bcrypt.compare(password, hash);
  if (hash.startsWith('{SHA}')) {
    return sameText(`{SHA}${createHash('sha1').update(password).digest('base64')}`, hash);
  }
  // The package takes characters for bytes.
  return sameText(apr1(Buffer.from(password, 'utf8').toString('latin1'), hash), hash);
}
