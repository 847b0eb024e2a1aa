import { createHash, createHmac, randomBytes } from 'node:crypto';
import type { DigestHashes } from './credential-files.js';
import { equalInConstantTime } from './fingerprint.js';

/** How long a nonce is valid; browsers then get a new one without asking for the password. */
const NONCE_LIFETIME_MS = 300_000;
const MAX_NONCES = 1024;

export type DigestVerdict = { readonly user: string } | 'stale' | 'wrong';

/** Digest authentication (RFC 7616) with MD5 and qop=auth. */
export class DigestAuthenticator {
  private readonly key = randomBytes(32);
  private readonly opaque = randomBytes(16).toString('hex');
  /** Nonces in use → the highest `nc` seen, which prevents replay. */
  private readonly counts = new Map<string, number>();
  /** Nonces created before this time (ms) have been dropped from `counts`. */
  private droppedBeforeMs = 0;

  constructor(
    private readonly realm: string,
    private readonly users: () => DigestHashes,
    private readonly now: () => number = Date.now,
  ) {}

  challenge(isStale: boolean): string {
    const stale = isStale ? ', stale=true' : '';
    return `Digest realm="${this.realm}", nonce="${this.createNonce()}", opaque="${this.opaque}", algorithm=MD5, qop="auth"${stale}`;
  }

  /**
   * Checks an `Authorization: Digest …` header.
   * @param target the request target as sent
   */
  verify(header: string, method: string, target: string): DigestVerdict {
    const given = parseDigest(header);
    const { username = '', nonce = '', uri = '', response = '', nc = '', cnonce = '' } = given;
    const isComplete = given.qop === 'auth' && given.realm === this.realm && /^[0-9a-f]{8}$/i.test(nc) && cnonce !== '';
    if (!isComplete || uri !== target || (given.algorithm ?? 'MD5').toUpperCase() !== 'MD5') return 'wrong';
    const hash = this.users().get(username);
    // The same is computed for an unknown user, so that the time does not reveal whether the user exists.
    const expected = responseOf(hash ?? md5(username), { nonce, nc, cnonce, method, uri });
    if (!equalInConstantTime(expected, response.toLowerCase()) || hash === undefined) return 'wrong';
    return this.isFresh(nonce, Number.parseInt(nc, 16)) ? { user: username } : 'stale';
  }

  private createNonce(): string {
    const body = `${this.now().toString(36)}-${randomBytes(9).toString('base64url')}`;
    return `${body}.${this.signature(body)}`;
  }

  private signature(body: string): string {
    return createHmac('sha256', this.key).update(body).digest('base64url');
  }

  /** Whether the nonce was issued here, has not expired and was not used with this count before. */
  private isFresh(nonce: string, count: number): boolean {
    const dot = nonce.indexOf('.');
    const body = nonce.slice(0, dot);
    if (dot < 0 || !equalInConstantTime(this.signature(body), nonce.slice(dot + 1))) return false;
    const createdAt = Number.parseInt(body, 36);
    if (createdAt < this.droppedBeforeMs || this.now() - createdAt > NONCE_LIFETIME_MS) return false;
    if (count <= (this.counts.get(nonce) ?? 0)) return false;
    this.counts.delete(nonce);
    this.counts.set(nonce, count);
    this.dropOldest();
    return true;
  }

  private dropOldest(): void {
    for (const nonce of this.counts.keys()) {
      if (this.counts.size <= MAX_NONCES) return;
      this.counts.delete(nonce);
      this.droppedBeforeMs = Math.max(this.droppedBeforeMs, Number.parseInt(nonce, 36) + 1);
    }
  }
}

/** The client's part of the digest computation. */
export interface DigestAnswer {
  readonly user: string;
  readonly method: string;
  /** The request target as it is sent. */
  readonly target: string;
  /** MD5 of `user:realm:password`, given the challenge's realm. */
  readonly hashOf: (realm: string) => string;
}

/** The `Authorization` header for a `WWW-Authenticate: Digest …` challenge; `undefined` when the challenge is not supported. */
export function digestAuthorization(challenge: string, answer: DigestAnswer): string | undefined {
  const { realm, nonce, opaque, algorithm = 'MD5', qop = '' } = parseDigest(challenge);
  if (realm === undefined || nonce === undefined || algorithm.toUpperCase() !== 'MD5') return undefined;
  if (!qop.split(/\s*,\s*/).includes('auth')) return undefined;
  const { user, method, target: uri, hashOf } = answer;
  const nc = '00000001';
  const cnonce = randomBytes(16).toString('hex');
  const response = responseOf(hashOf(realm), { nonce, nc, cnonce, method, uri });
  const members = { username: user, realm, nonce, uri, response, cnonce, ...(opaque !== undefined && { opaque }) };
  const quoted = Object.entries(members).map(([name, value]) => `${name}="${value.replaceAll(/["\\]/g, '\\$&')}"`);
  return `Digest ${quoted.join(', ')}, algorithm=MD5, qop=auth, nc=${nc}`;
}

interface DigestParameters {
  readonly nonce: string;
  readonly nc: string;
  readonly cnonce: string;
  readonly method: string;
  readonly uri: string;
}

function responseOf(hash: string, { nonce, nc, cnonce, method, uri }: DigestParameters): string {
  return md5(`${hash}:${nonce}:${nc}:${cnonce}:auth:${md5(`${method}:${uri}`)}`);
}

/** The parameters of a Digest header by lower-case name. Never throws. */
export function parseDigest(header: string): Partial<Record<string, string>> {
  const members: Record<string, string> = Object.create(null);
  const pattern = /([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/gs;
  for (const [, name, quoted, plain] of header.slice('Digest'.length).matchAll(pattern)) {
    members[name!.toLowerCase()] = quoted === undefined ? plain! : quoted.replace(/\\(.)/gs, '$1');
  }
  return members;
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}
