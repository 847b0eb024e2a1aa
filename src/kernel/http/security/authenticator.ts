import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { Logger } from '../../contracts/index.js';
import { DigestAuthenticator } from './digest.js';
import { type DigestHashes, parseHtdigest } from './htdigest.js';
import { type PasswordHashes, parseHtpasswd } from './htpasswd.js';
import type { SecurityOptions } from './options.js';
import { PasswordBook } from './password-book.js';
import { ParsedFile, SecretFile, type SecretPlaces, secretPath } from './secret-file.js';
import { nameOfToken, parseTokens, type Tokens } from './tokens.js';

/** `none`: nothing was shown; `stale`: right, but the nonce is old; `wrong`: not right. */
export type Verdict = { readonly user: string } | 'none' | 'stale' | 'wrong';

/** Tells who sent a request, by all ways that are configured. */
export class Authenticator {
  private readonly basic: { readonly realm: string; readonly file: ParsedFile<PasswordHashes> } | undefined;
  private readonly passwords: PasswordBook;
  private readonly digest: { readonly check: DigestAuthenticator; readonly file: ParsedFile<DigestHashes> } | undefined;
  private readonly tokens: ParsedFile<Tokens> | undefined;
  private readonly takesCertificates: boolean;

  /** @throws ConfigError when a file cannot be used */
  constructor(options: SecurityOptions, places: SecretPlaces, logger: Logger) {
    const { basic, digest, bearer } = options.auth;
    const open = <T>(option: string, spec: string, parse: (text: string) => T) =>
      new ParsedFile(new SecretFile(option, secretPath(option, spec, places), true, logger), parse);
    if (basic.file !== undefined) {
      this.basic = { realm: basic.realm, file: open('web.auth.basic.file', basic.file, parseHtpasswd) };
    }
    this.passwords = new PasswordBook(() => this.basic?.file.value ?? new Map());
    if (digest.file !== undefined) {
      const file = open('web.auth.digest.file', digest.file, (text) => parseHtdigest(text, digest.realm));
      this.digest = { file, check: new DigestAuthenticator(digest.realm, () => file.value) };
    }
    if (bearer.file !== undefined) this.tokens = open('web.auth.bearer.file', bearer.file, parseTokens);
    this.takesCertificates = options.tls.clientCertificates !== 'none';
  }

  /** Whether anybody can be told from anybody else. */
  get asksWho(): boolean {
    return this.takesCertificates || [this.basic, this.digest, this.tokens].some((way) => way !== undefined);
  }

  /** Reads the files anew that have changed. */
  refresh(): void {
    this.basic?.file.refresh();
    this.digest?.file.refresh();
    this.tokens?.refresh();
  }

  close(): void {
    this.passwords.close();
  }

  /** What the request shows, judged. @throws RequestError 503 when too many passwords wait to be checked */
  async verify(request: IncomingMessage): Promise<Verdict> {
    const header = request.headers.authorization;
    if (header === undefined) return this.verifyCertificate(request);
    const scheme = /^\S*/.exec(header)![0].toLowerCase();
    const value = header.slice(scheme.length).trim();
    if (scheme === 'basic' && this.basic !== undefined) return this.verifyBasic(value);
    if (scheme === 'bearer' && this.tokens !== undefined) {
      const user = nameOfToken(value, this.tokens.value);
      return user === undefined ? 'wrong' : { user };
    }
    if (scheme === 'digest' && this.digest !== undefined) {
      const verdict = this.digest.check.verify(header, request.method ?? 'GET', request.url ?? '/');
      return typeof verdict === 'string' ? verdict : { user: verdict.user };
    }
    return this.verifyCertificate(request);
  }

  /** The values of `WWW-Authenticate`. */
  challenges(isStale: boolean): string[] {
    const challenges: string[] = [];
    if (this.digest !== undefined) challenges.push(this.digest.check.challenge(isStale));
    if (this.basic !== undefined) challenges.push(`Basic realm="${this.basic.realm}", charset="UTF-8"`);
    if (this.tokens !== undefined) challenges.push('Bearer realm="tallyman"');
    return challenges;
  }

  private async verifyBasic(value: string): Promise<Verdict> {
    const text = Buffer.from(value, 'base64').toString('utf8');
    const colon = text.indexOf(':');
    if (colon < 0) return 'wrong';
    const user = text.slice(0, colon);
    return (await this.passwords.fits(user, text.slice(colon + 1))) ? { user } : 'wrong';
  }

  private verifyCertificate({ socket }: IncomingMessage): Verdict {
    if (!this.takesCertificates) return 'none';
    const { authorized, getPeerCertificate } = socket as Partial<TLSSocket>;
    if (authorized !== true || getPeerCertificate === undefined) return 'none';
    const { subject } = getPeerCertificate.call(socket);
    const name: unknown = subject?.CN;
    return typeof name === 'string' && name !== '' ? { user: name } : 'none';
  }
}
