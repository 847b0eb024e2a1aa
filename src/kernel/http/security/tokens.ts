import { fingerprint } from './same.js';

/** Tokens by the hexadecimal fingerprint of their text → name. */
export type Tokens = ReadonlyMap<string, string>;

/** A token as its file holds it, with its user. */
export interface PlainToken {
  readonly name: string;
  readonly token: string;
}

/**
 * Reads a file of bearer tokens, one a line: `token` or `name:token`. Lines that begin with # are comments.
 * @throws Error naming the line of what cannot be a token
 */
export function parseTokens(text: string): Tokens {
  return new Map(readTokens(text).map(({ name, token }) => [fingerprintOf(token), name]));
}

/** The same for who has to show one. */
export function readTokens(text: string): PlainToken[] {
  const tokens: PlainToken[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const entry = /^(?:([^:\s]+):)?\s*([\w.~+/-]{16,}=*)\s*$/.exec(line);
    if (entry === null) {
      throw new Error(
        `line ${index + 1} is neither a token nor name:token; a token has 16 or more of A-Z a-z 0-9 - . _ ~ + /`,
      );
    }
    tokens.push({ name: entry[1] ?? 'token', token: entry[2]! });
  }
  if (tokens.length === 0) throw new Error('it holds no token; make one with: openssl rand -base64 32');
  return tokens;
}

/** The name of a token, `undefined` when there is no such one. Compares fingerprints, so the time tells nothing. */
export function nameOfToken(token: string, tokens: Tokens): string | undefined {
  return tokens.get(fingerprintOf(token));
}

function fingerprintOf(token: string): string {
  return fingerprint(token).toString('hex');
}
