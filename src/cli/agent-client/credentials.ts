import { readFileSync } from 'node:fs';
import { messageOf, TallymanError } from '../../kernel/contracts/index.js';
import { readTokens } from '../../kernel/http/index.js';
import type { AskFlags } from '../flags.js';

/** What proves the client to the agent, and the agent to the client. */
export interface Credentials {
  readonly token?: string;
  readonly password?: { readonly user: string; readonly text: string };
  /** The hash for one realm, instead of the password. */
  readonly digest?: { readonly user: string; readonly hash: string };
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  /** PEM of the only certificate that is accepted from the agent, whatever names it has. */
  readonly certificate?: Buffer;
}

/** Reads the files that the flags name. @throws TallymanError when a file is invalid, or one of two flags is missing */
export function readCredentials({ user, passwordFile, tokenFile, ca, cert, key }: AskFlags): Credentials {
  if (passwordFile !== undefined && user === undefined) throw missingFlag('--password-file', '--user NAME');
  if (cert !== undefined && key === undefined) throw missingFlag('--cert', '--key FILE');
  if (key !== undefined && cert === undefined) throw missingFlag('--key', '--cert FILE');
  return {
    ...(tokenFile !== undefined && { token: readToken(tokenFile, user) }),
    ...(passwordFile !== undefined && { password: { user: user!, text: readPassword(passwordFile) } }),
    ...(ca !== undefined && { ca: read('--ca', ca) }),
    ...(cert !== undefined && { cert: read('--cert', cert), key: read('--key', key!) }),
  };
}

function missingFlag(flag: string, other: string): TallymanError {
  return new TallymanError(`${flag} does nothing without ${other.split(' ')[0]}`, { hint: `add ${other}` });
}

function readPassword(file: string): string {
  const text = read('--password-file', file)
    .toString('utf8')
    .replace(/\r?\n$/, '');
  if (text !== '' && !/[\r\n]/.test(text)) return text;
  throw new TallymanError(`--password-file: ${file} does not consist of one line with the password`);
}

function readToken(file: string, user: string | undefined): string {
  try {
    const tokens = readTokens(read('--token-file', file).toString('utf8'));
    const found = user === undefined ? tokens[0] : tokens.find(({ name }) => name === user);
    if (found !== undefined) return found.token;
  } catch (error) {
    if (error instanceof TallymanError) throw error;
    throw new TallymanError(`--token-file: ${file}: ${messageOf(error)}`);
  }
  throw new TallymanError(`--token-file: ${file} has no token with the name ${user}`);
}

function read(flag: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new TallymanError(`${flag}: ${file} cannot be read: ${messageOf(error)}`);
  }
}
