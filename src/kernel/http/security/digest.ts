import { createHash, createHmac, randomBytes } from 'node:crypto';
import type { DigestHashes } from './htdigest.js';
import { sameText } from './same.js';

/** A nonce is good for this many ms; browsers then get a new one without asking for the password. */
const NONCE_LIFE = 300_000;
const NONCES_KEPT = 1024;

export type DigestVerdict = { readonly user: string } | 'stale' | 'wrong';

/** Digest authentication (RFC 7616) with MD5 and qop=auth. */
export class DigestAuthenticator {
  private readonly key = randomBytes(32);
  private readonly opaque = randomBytes(16).toString('hex');
  /** Nonces in use → the highest count seen. What was captured cannot be sent a second time. */
  private readonly counts = new Map<string, number>();
  /** Nonces made before this are not known any more, ms. */
  private forgottenBefore = 0;

  constructor(
    private readonly realm: string,
    private readonly users: () => DigestHashes,
    private readonly now: () => number = Date.now,
  ) {}

  challenge(isStale: boolean): string {
    const stale = isStale ? ', stale=true' : '';
    return `Digest realm="${this.realm}", nonce="${this.makeNonce()}", opaque="${this.opaque}", algorithm=MD5, qop="auth"${stale}`;
  }

  /**
   * Judges an `Authorization: Digest …` header.
   * @param target the request target as sent
   */
  verify(header: string, method: string, target: string): DigestVerdict {
    const given = parseDigest(header);
    const { username = '', nonce = '', uri = '', response = '', nc = '', cnonce = '' } = given;
    const isComplete = given.qop === 'auth' && given.realm === this.realm && /^[0-9a-f]{8}$/i.test(nc) && cnonce !== '';
    if (!isComplete || uri !== target || (given.algorithm ?? 'MD5').toUpperCase() !== 'MD5') return 'wrong';
    const hash = this.users().get(username);
    // Of an unknown user the same is computed, so that the time tells nothing.
    const expected = responseOf(hash ?? md5(username), { nonce, nc, cnonce, method, uri });
    if (!sameText(expected, response.toLowerCase()) || hash === undefined) return 'wrong';
    return this.isFresh(nonce, Number.parseInt(nc, 16)) ? { user: username } : 'stale';
  }

  private makeNonce(): string {
    const body = `${this.now().toString(36)}-${randomBytes(9).toString('base64url')}`;
    return `${body}.${this.signature(body)}`;
  }

  private signature(body: string): string {
    return createHmac('sha256', this.key).update(body).digest('base64url');
  }

  /** Whether the nonce is ours, young, and was not used with this count before. */
  private isFresh(nonce: string, count: number): boolean {
    const dot = nonce.indexOf('.');
    const body = nonce.slice(0, dot);
    if (dot < 0 || !sameText(this.signature(body), nonce.slice(dot + 1))) return false;
    const madeAt = Number.parseInt(body, 36);
    if (madeAt < this.forgottenBefore || this.now() - madeAt > NONCE_LIFE) return false;
    if (count <= (this.counts.get(nonce) ?? 0)) return false;
    this.counts.delete(nonce);
    this.counts.set(nonce, count);
    this.forgetOldest();
    return true;
  }

  private forgetOldest(): void {
    for (const nonce of this.counts.keys()) {
      if (this.counts.size <= NONCES_KEPT) return;
      this.counts.delete(nonce);
      this.forgottenBefore = Math.max(this.forgottenBefore, Number.parseInt(nonce, 36) + 1);
    }
  }
}

/** What a client that knows a password answers to a challenge. */
export interface DigestAnswer {
  readonly user: string;
  readonly method: string;
  /** The request target as it is sent. */
  readonly target: string;
  /** MD5 of `user:realm:password`, given the challenge's realm. */
  readonly hashOf: (realm: string) => string;
}

/** The `Authorization` header that answers a `WWW-Authenticate: Digest …`; `undefined` when the challenge is of another kind. */
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

interface Exchange {
  readonly nonce: string;
  readonly nc: string;
  readonly cnonce: string;
  readonly method: string;
  readonly uri: string;
}

function responseOf(hash: string, { nonce, nc, cnonce, method, uri }: Exchange): string {
  return md5(`${hash}:${nonce}:${nc}:${cnonce}:auth:${md5(`${method}:${uri}`)}`);
}

/** The members of a Digest header. Never throws. */
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
