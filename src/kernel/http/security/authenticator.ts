import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { WebConfig } from '../../config/index.js';
import type { Logger } from '../../contracts/index.js';
import {
  type DigestHashes,
  nameOfToken,
  type PasswordHashes,
  parseHtdigest,
  parseHtpasswd,
  parseTokens,
  type Tokens,
} from './credential-files.js';
import { DigestAuthenticator, parseDigest } from './digest.js';
import type { Login, LoginMemory } from './login-memory.js';
import { matchesPassword } from './passwords.js';
import { ParsedFile, SecretFile, type SecretPlaces } from './secret-file.js';

/** `none`: no credentials; `stale`: valid, but the nonce has expired; `wrong`: invalid. */
export type Verdict = { readonly user: string } | 'none' | 'stale' | 'wrong';

export type Credentials =
  | ({ readonly scheme: 'basic' } & Login)
  | ({ readonly scheme: 'digest'; readonly header: string } & Login)
  | { readonly scheme: 'bearer'; readonly address: string; readonly user: ''; readonly token: string }
  | { readonly scheme: 'malformed'; readonly address: string; readonly user: '' };

/** Identifies the client of a request by the configured authentication methods. */
export class Authenticator {
  private readonly basic: { readonly realm: string; readonly file: ParsedFile<PasswordHashes> } | undefined;
  private readonly digest: { readonly check: DigestAuthenticator; readonly file: ParsedFile<DigestHashes> } | undefined;
  private readonly tokens: ParsedFile<Tokens> | undefined;
  private readonly acceptsCertificates: boolean;

  /** @throws ConfigError when a file cannot be used */
  constructor(
    options: WebConfig,
    places: SecretPlaces,
    logger: Logger,
    private readonly memory: LoginMemory,
  ) {
    const { basic, digest, bearer } = options.auth;
    const open = <T>(option: string, spec: string, parse: (text: string) => T) =>
      new ParsedFile(new SecretFile(option, spec, places, true, logger), parse);
    if (basic.file !== undefined) {
      this.basic = { realm: basic.realm, file: open('web.auth.basic.file', basic.file, parseHtpasswd) };
    }
    if (digest.file !== undefined) {
      const file = open('web.auth.digest.file', digest.file, (text) => parseHtdigest(text, digest.realm));
      this.digest = { file, check: new DigestAuthenticator(digest.realm, () => file.value) };
    }
    if (bearer.file !== undefined) this.tokens = open('web.auth.bearer.file', bearer.file, parseTokens);
    this.acceptsCertificates = options.tls.clientCertificates !== 'none';
  }

  get isEnabled(): boolean {
    return this.acceptsCertificates || [this.basic, this.digest, this.tokens].some((method) => method !== undefined);
  }

  refresh(): void {
    this.basic?.file.refresh();
    this.digest?.file.refresh();
    this.tokens?.refresh();
  }

  /** The credentials in the `Authorization` header; `undefined` when its scheme is not configured. */
  credentialsOf(request: IncomingMessage): Credentials | undefined {
    const header = request.headers.authorization;
    if (header === undefined) return undefined;
    const address = request.socket.remoteAddress ?? 'a unix socket';
    const scheme = /^\S*/.exec(header)![0].toLowerCase();
    const value = header.slice(scheme.length).trim();
    if (scheme === 'basic' && this.basic !== undefined) {
      const text = Buffer.from(value, 'base64').toString('utf8');
      const colon = text.indexOf(':');
      if (colon < 0) return { scheme: 'malformed', address, user: '' };
      return { scheme: 'basic', address, user: text.slice(0, colon), secret: text.slice(colon + 1) };
    }
    if (scheme === 'bearer' && this.tokens !== undefined) return { scheme: 'bearer', address, user: '', token: value };
    if (scheme !== 'digest' || this.digest === undefined) return undefined;
    return { scheme: 'digest', address, user: parseDigest(header).username ?? '', secret: 'digest', header };
  }

  /**
   * Checks what cannot be guessed and is cheap: certificates, tokens and logins that succeeded before from this network.
   * @returns undefined when `verify` must decide
   */
  recognise(request: IncomingMessage, credentials: Credentials | undefined): Verdict | undefined {
    if (credentials === undefined) return this.verifyCertificate(request);
    if (credentials.scheme === 'bearer') {
      const user = nameOfToken(credentials.token, this.tokens!.value);
      return user === undefined ? undefined : { user };
    }
    if (credentials.scheme === 'basic') {
      const { user } = credentials;
      return this.memory.isRemembered(credentials, this.basic!.file.value.get(user)) ? { user } : undefined;
    }
    if (
      credentials.scheme !== 'digest' ||
      !this.memory.isRemembered(credentials, this.digest!.file.value.get(credentials.user))
    ) {
      return undefined;
    }
    const verdict = this.verifyDigest(request, credentials.header);
    return verdict === 'wrong' ? undefined : verdict;
  }

  /** Checks credentials that `recognise` could not decide on. @throws RequestError 503 when too many passwords are queued */
  async verify(request: IncomingMessage, credentials: Credentials): Promise<Verdict> {
    if (credentials.scheme === 'basic')
      return (await this.isPasswordCorrect(credentials)) ? { user: credentials.user } : 'wrong';
    if (credentials.scheme !== 'digest') return 'wrong';
    const hash = this.digest!.file.value.get(credentials.user);
    const verdict = this.verifyDigest(request, credentials.header);
    if (verdict !== 'wrong') this.memory.remember(credentials, hash!);
    return verdict;
  }

  challenges(isStale: boolean): string[] {
    const challenges: string[] = [];
    if (this.digest !== undefined) challenges.push(this.digest.check.challenge(isStale));
    if (this.basic !== undefined) challenges.push(`Basic realm="${this.basic.realm}", charset="UTF-8"`);
    if (this.tokens !== undefined) challenges.push('Bearer realm="tallyman"');
    return challenges;
  }

  private verifyDigest({ method = 'GET', url = '/' }: IncomingMessage, header: string): Verdict {
    return this.digest!.check.verify(header, method, url);
  }

  private async isPasswordCorrect(login: Login): Promise<boolean> {
    const users = this.basic!.file.value;
    const hash = users.get(login.user);
    // For an unknown user another user's hash is checked, so that the time does not reveal whether the user exists.
    const checkedHash = hash ?? users.values().next().value;
    if (
      checkedHash === undefined ||
      !(await matchesPassword(login.secret, checkedHash, this.memory.bcrypt)) ||
      hash === undefined
    ) {
      return false;
    }
    // A scraper sends the same password every few seconds, and bcrypt takes 70 ms and more.
    this.memory.remember(login, hash);
    return true;
  }

  private verifyCertificate({ socket }: IncomingMessage): Verdict {
    if (!this.acceptsCertificates) return 'none';
    const { authorized, getPeerCertificate } = socket as Partial<TLSSocket>;
    if (authorized !== true || getPeerCertificate === undefined) return 'none';
    const { subject } = getPeerCertificate.call(socket);
    const name: unknown = subject?.CN;
    return typeof name === 'string' && name !== '' ? { user: name } : 'none';
  }
}
