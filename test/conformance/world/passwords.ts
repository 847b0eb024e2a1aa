import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type WebConfig, webDefaults } from '../../../src/kernel/config/index.js';
import { digestAuthorization, parseDigest } from '../../../src/kernel/http/index.js';
import { send } from './served.js';

const USER = 'ann';
const PASSWORD = 'secret';
/** That of the recordings. */
const REALM = 'localhost';

interface Case {
  readonly name: string;
  readonly run: string;
  readonly method: string;
  readonly url: string;
}

/** The passwords of the recorded worlds: Basic in D, Digest in F. There they cover everything (quirk 1). */
export class RecordedPasswords {
  constructor(private readonly directory: string) {}

  /** The server's options in a world. */
  webOf(run: string): Partial<WebConfig> {
    const { auth } = webDefaults();
    if (run === 'D') {
      const sha = createHash('sha1').update(PASSWORD).digest('base64');
      return { auth: { ...auth, basic: { file: this.write('htpasswd', `${USER}:{SHA}${sha}\n`), realm: REALM } } };
    }
    if (run === 'F') {
      const file = this.write('htdigest', `${USER}:${REALM}:${hashOf(REALM)}\n`);
      return { auth: { ...auth, digest: { file, realm: REALM } } };
    }
    return {};
  }

  /** What a case sends to prove who asks: those that were recorded without a password, or with a wrong one, likewise. */
  async headersOf({ name, run, method, url: target }: Case, url: string): Promise<Record<string, string>> {
    const isOpen = (run !== 'D' && run !== 'F') || name.includes('noauth') || name === 'F-docker-page';
    if (isOpen) return {};
    if (run === 'D') {
      const password = name === 'D-auth-bad' ? 'wrong' : PASSWORD;
      return { Authorization: `Basic ${Buffer.from(`${USER}:${password}`).toString('base64')}` };
    }
    const challenge = (await send(url, target, method)).headers['www-authenticate']!;
    return { Authorization: digestAuthorization(challenge, { user: USER, method, target, hashOf })! };
  }

  private write(name: string, text: string): string {
    const file = join(this.directory, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  }
}

/** A challenge asks for the same as the recorded one, in whatever order and quotes; nonces differ by their nature. */
export function assertSameChallenge(challenge = '', recorded = ''): void {
  const scheme = (text: string): string => /^\S*/.exec(text)![0];
  assert.equal(scheme(challenge), scheme(recorded) || 'Basic');
  const { nonce, opaque, charset, ...ours } = parseDigest(challenge);
  const { nonce: theirNonce, opaque: theirOpaque, ...theirs } = parseDigest(recorded || `Basic realm="${REALM}"`);
  assert.deepEqual({ ...ours }, { ...theirs });
  assert.deepEqual([nonce === undefined, opaque === undefined], [theirNonce === undefined, theirOpaque === undefined]);
  // Says how names beyond ASCII are sent (RFC 7617).
  assert.equal(charset, scheme(challenge) === 'Basic' ? 'UTF-8' : undefined);
}

function hashOf(realm: string): string {
  return createHash('md5').update(`${USER}:${realm}:${PASSWORD}`).digest('hex');
}
