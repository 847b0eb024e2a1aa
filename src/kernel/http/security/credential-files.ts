import { readFileSync } from 'node:fs';
import type { WebConfig } from '../../config/index.js';
import { fingerprint } from './fingerprint.js';
import { type SecretPlaces, secretPath } from './secret-file.js';

/** The users of an htpasswd file and the hashes of their passwords. */
export type PasswordHashes = ReadonlyMap<string, string>;
/** The users of one realm of an htdigest file: name → MD5 of `user:realm:password`. */
export type DigestHashes = ReadonlyMap<string, string>;
/** The hexadecimal fingerprint of a token → its name. */
export type Tokens = ReadonlyMap<string, string>;

const BCRYPT = /^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/;
const APR1 = /^\$apr1\$[^$]{0,8}\$[./A-Za-z0-9]{22}$/;
const SHA1 = /^\{SHA\}[A-Za-z0-9+/]{27}=$/;

/** Lines with their numbers, without empty lines and comments. */
function* entriesOf(text: string): Generator<[lineNumber: number, line: string]> {
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() !== '' && !line.startsWith('#')) yield [index + 1, line];
  }
}

/** Reads an htpasswd file. @throws Error with the line number of an entry that no password could match */
export function parseHtpasswd(text: string): PasswordHashes {
  const users = new Map<string, string>();
  for (const [lineNumber, line] of entriesOf(text)) {
    const colon = line.indexOf(':');
    const hash = line.slice(colon + 1).trim();
    if (colon < 1) throw new Error(`line ${lineNumber} is not of the form user:hash`);
    if (!BCRYPT.test(hash) && !APR1.test(hash) && !SHA1.test(hash)) {
      throw new Error(`the hash in line ${lineNumber} is none of bcrypt, apr1 and SHA; make it with htpasswd -B`);
    }
    users.set(line.slice(0, colon), hash);
  }
  return users;
}

/**
 * Reads the entries of one realm from an htdigest file.
 * @throws Error with the line number of a malformed entry, or when all entries belong to other realms
 */
export function parseHtdigest(text: string, realm: string): DigestHashes {
  const users = new Map<string, string>();
  const otherRealms = new Set<string>();
  for (const [lineNumber, line] of entriesOf(text)) {
    const entry = /^([^:]+):([^:]*):([0-9a-f]{32})\s*$/i.exec(line);
    if (entry === null) throw new Error(`line ${lineNumber} is not of the form user:realm:md5`);
    if (entry[2] === realm) users.set(entry[1]!, entry[3]!.toLowerCase());
    else otherRealms.add(entry[2]!);
  }
  if (users.size === 0 && otherRealms.size > 0) {
    const names = [...otherRealms].map((name) => JSON.stringify(name)).join(', ');
    throw new Error(
      `it has no user of the realm ${JSON.stringify(realm)}, only of ${names}: set web.auth.digest.realm`,
    );
  }
  return users;
}

/** Reads a file of bearer tokens, see `readTokens`. */
export function parseTokens(text: string): Tokens {
  return new Map(readTokens(text).map(({ name, token }) => [tokenKey(token), name]));
}

/**
 * Reads the tokens in plain text, one per line: `token` or `name:token`.
 * @throws Error with the line number of a malformed entry
 */
export function readTokens(text: string): { readonly name: string; readonly token: string }[] {
  const tokens: { name: string; token: string }[] = [];
  for (const [lineNumber, line] of entriesOf(text)) {
    const entry = /^(?:([^:\s]+):)?\s*([\w.~+/-]{16,}=*)\s*$/.exec(line);
    if (entry === null) {
      throw new Error(
        `line ${lineNumber} is neither a token nor name:token; a token has 16 or more of A-Z a-z 0-9 - . _ ~ + /`,
      );
    }
    tokens.push({ name: entry[1] ?? 'token', token: entry[2]! });
  }
  if (tokens.length === 0) throw new Error('it holds no token; make one with: openssl rand -base64 32');
  return tokens;
}

/** The name of a token, or `undefined`. Looks up fingerprints, so the time reveals nothing about the tokens. */
export function nameOfToken(token: string, tokens: Tokens): string | undefined {
  return tokens.get(tokenKey(token));
}

function tokenKey(token: string): string {
  return fingerprint(token).toString('hex');
}

/** Credentials for the agent, taken from its own files by a program that may read them. */
export interface OwnCredentials {
  readonly token?: string;
  readonly digest?: { readonly user: string; readonly hash: string };
  /** PEM of the server certificate. */
  readonly certificate?: Buffer;
}

/**
 * Reads credentials from the files that the configuration names. Basic files hold hashes only and are of no use here.
 * @param user default: the first user of each file
 * @throws when a configured file cannot be read or parsed
 */
export function ownCredentials(
  { auth: { bearer, digest }, tls }: WebConfig,
  places: SecretPlaces,
  user: string | undefined,
): OwnCredentials {
  const read = <T>(option: string, file: string | undefined, parse: (content: Buffer) => T): T | undefined =>
    file === undefined ? undefined : parse(readFileSync(secretPath(option, file, places)));
  const isUser = (name: string) => user === undefined || name === user;
  const tokens = read('web.auth.bearer.file', bearer.file, (content) => readTokens(String(content)));
  const hashes = read('web.auth.digest.file', digest.file, (content) => parseHtdigest(String(content), digest.realm));
  const certificate = read('web.tls.cert', tls.cert, (content) => content);
  const token = tokens?.find(({ name }) => isUser(name))?.token;
  const login = [...(hashes ?? [])].find(([name]) => isUser(name));
  return {
    ...(token !== undefined && { token }),
    ...(login !== undefined && { digest: { user: login[0], hash: login[1] } }),
    ...(certificate !== undefined && { certificate }),
  };
}
