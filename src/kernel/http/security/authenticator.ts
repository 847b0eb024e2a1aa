import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { Logger } from '../../contracts/index.js';
import { DigestAuthenticator, parseDigest } from './digest.js';
import { type DigestHashes, parseHtdigest } from './htdigest.js';
import { type PasswordHashes, parseHtpasswd, passwordFits } from './htpasswd.js';
import type { Login, LoginMemory } from './login-memory.js';
import type { SecurityOptions } from './options.js';
import { ParsedFile, SecretFile, type SecretPlaces, secretPath } from './secret-file.js';
import { nameOfToken, parseTokens, type Tokens } from './tokens.js';

/** `none`: nothing was shown; `stale`: right, but the nonce is old; `wrong`: not right. */
export type Verdict = { readonly user: string } | 'none' | 'stale' | 'wrong';

/** What a request shows in order to be let in. */
export type Credentials =
  | ({ readonly way: 'basic' } & Login)
  | ({ readonly way: 'digest'; readonly header: string } & Login)
  | { readonly way: 'bearer'; readonly address: string; readonly user: ''; readonly token: string }
  | { readonly way: 'malformed'; readonly address: string; readonly user: '' };

/** Tells who sent a request, by all ways that are configured. */
export class Authenticator {
  private readonly basic: { readonly realm: string; readonly file: ParsedFile<PasswordHashes> } | undefined;
  private readonly digest: { readonly check: DigestAuthenticator; readonly file: ParsedFile<DigestHashes> } | undefined;
  private readonly tokens: ParsedFile<Tokens> | undefined;
  private readonly takesCertificates: boolean;

  /** @throws ConfigError when a file cannot be used */
  constructor(
    options: SecurityOptions,
    places: SecretPlaces,
    logger: Logger,
    private readonly memory: LoginMemory,
  ) {
    const { basic, digest, bearer } = options.auth;
    const open = <T>(option: string, spec: string, parse: (text: string) => T) =>
      new ParsedFile(new SecretFile(option, secretPath(option, spec, places), true, logger), parse);
    if (basic.file !== undefined) {
      this.basic = { realm: basic.realm, file: open('web.auth.basic.file', basic.file, parseHtpasswd) };
    }
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

  /** What the request's header shows; `undefined` when it shows nothing in a way that is configured. */
  credentialsOf(request: IncomingMessage): Credentials | undefined {
    const header = request.headers.authorization;
    if (header === undefined) return undefined;
    const address = request.socket.remoteAddress ?? 'a unix socket';
    const scheme = /^\S*/.exec(header)![0].toLowerCase();
    const value = header.slice(scheme.length).trim();
    if (scheme === 'basic' && this.basic !== undefined) {
      const text = Buffer.from(value, 'base64').toString('utf8');
      const colon = text.indexOf(':');
      if (colon < 0) return { way: 'malformed', address, user: '' };
      return { way: 'basic', address, user: text.slice(0, colon), proof: text.slice(colon + 1) };
    }
    if (scheme === 'bearer' && this.tokens !== undefined) return { way: 'bearer', address, user: '', token: value };
    if (scheme !== 'digest' || this.digest === undefined) return undefined;
    return { way: 'digest', address, user: parseDigest(header).username ?? '', proof: 'digest', header };
  }

  /**
   * Judges what needs no guessing: certificates, tokens, and users who have logged in from this network before.
   * @returns undefined when only `verify` can tell
   */
  recognise(request: IncomingMessage, shown: Credentials | undefined): Verdict | undefined {
    if (shown === undefined) return this.verifyCertificate(request);
    if (shown.way === 'bearer') {
      const user = nameOfToken(shown.token, this.tokens!.value);
      return user === undefined ? undefined : { user };
    }
    if (shown.way === 'basic') {
      const { user } = shown;
      return this.memory.isRemembered(shown, this.basic!.file.value.get(user)) ? { user } : undefined;
    }
    if (shown.way !== 'digest' || !this.memory.isRemembered(shown, this.digest!.file.value.get(shown.user))) {
      return undefined;
    }
    const verdict = this.verifyDigest(request, shown.header);
    return verdict === 'wrong' ? undefined : verdict;
  }

  /** Judges what `recognise` could not. @throws RequestError 503 when too many passwords wait to be checked */
  async verify(request: IncomingMessage, shown: Credentials): Promise<Verdict> {
    if (shown.way === 'basic') return (await this.passwordFits(shown)) ? { user: shown.user } : 'wrong';
    if (shown.way !== 'digest') return 'wrong';
    const hash = this.digest!.file.value.get(shown.user);
    const verdict = this.verifyDigest(request, shown.header);
    if (verdict !== 'wrong') this.memory.remember(shown, hash!);
    return verdict;
  }

  /** The values of `WWW-Authenticate`. */
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

  private async passwordFits(login: Login): Promise<boolean> {
    const users = this.basic!.file.value;
    const hash = users.get(login.user);
    // For an unknown user another one's hash is checked, so that the time does not tell whether the user exists.
    const any = hash ?? users.values().next().value;
    if (any === undefined || !(await passwordFits(login.proof, any, this.memory.bcrypt)) || hash === undefined) {
      return false;
    }
    // A scraper sends the same password every few seconds, and bcrypt takes 70 ms and more.
    this.memory.remember(login, hash);
    return true;
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
