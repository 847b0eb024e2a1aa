import { readFileSync } from 'node:fs';
import { messageOf, TallymanError } from '../../kernel/contracts/index.js';
import { readTokens } from '../../kernel/http/index.js';
import type { AskFlags } from './options.js';

/** What proves who asks, and who is asked. */
export interface Proof {
  readonly token?: string;
  readonly password?: { readonly user: string; readonly text: string };
  /** Of one realm, in place of the password. */
  readonly digest?: { readonly user: string; readonly hash: string };
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  /** PEM of the one certificate that the agent may show, whatever names are in it. */
  readonly certificate?: Buffer;
}

/** Reads what the flags name. @throws TallymanError when a file cannot be used, or one of two flags is missing */
export function proofOf({ user, passwordFile, tokenFile, ca, cert, key }: AskFlags): Proof {
  if (passwordFile !== undefined && user === undefined) throw lacks('--password-file', '--user NAME');
  if (cert !== undefined && key === undefined) throw lacks('--cert', '--key FILE');
  if (key !== undefined && cert === undefined) throw lacks('--key', '--cert FILE');
  return {
    ...(tokenFile !== undefined && { token: tokenIn(tokenFile, user) }),
    ...(passwordFile !== undefined && { password: { user: user!, text: passwordIn(passwordFile) } }),
    ...(ca !== undefined && { ca: read('--ca', ca) }),
    ...(cert !== undefined && { cert: read('--cert', cert), key: read('--key', key!) }),
  };
}

function lacks(flag: string, other: string): TallymanError {
  return new TallymanError(`${flag} does nothing without ${other.split(' ')[0]}`, { hint: `add ${other}` });
}

function passwordIn(file: string): string {
  const text = read('--password-file', file)
    .toString('utf8')
    .replace(/\r?\n$/, '');
  if (text !== '' && !/[\r\n]/.test(text)) return text;
  throw new TallymanError(`--password-file: ${file} is not one line that is the password`);
}

function tokenIn(file: string, user: string | undefined): string {
  try {
    const tokens = readTokens(read('--token-file', file).toString('utf8'));
    const found = user === undefined ? tokens[0] : tokens.find(({ name }) => name === user);
    if (found !== undefined) return found.token;
  } catch (error) {
    if (error instanceof TallymanError) throw error;
    throw new TallymanError(`--token-file: ${file}: ${messageOf(error)}`);
  }
  throw new TallymanError(`--token-file: ${file} has no token of the name ${user}`);
}

function read(flag: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new TallymanError(`${flag}: ${file} cannot be read: ${messageOf(error)}`);
  }
}
