import { createHash } from 'node:crypto';
import { type IncomingHttpHeaders, request } from 'node:http';
import type { Socket } from 'node:net';
import { TallymanError } from '../../kernel/contracts/index.js';
import { digestAuthorization } from '../../kernel/http/index.js';
import { connectTo } from './connection.js';
import type { Proof } from './proof.js';
import type { Target } from './target.js';

export type Method = 'GET' | 'POST';

export interface Reply {
  readonly status: number;
  readonly text: string;
  /** Values of `WWW-Authenticate`. */
  readonly challenges: readonly string[];
  readonly headers: IncomingHttpHeaders;
}

/** An agent that says nothing for so many ms is given up; a reload waits for plugins to start. */
const SILENCE = 60_000;

/**
 * Sends a request with what proves who asks. A token is sent at once, a password only when the agent asks for one.
 * @throws what the connection failed with
 */
export async function send(target: Target, method: Method, proof: Proof): Promise<Reply> {
  const { token } = proof;
  const first = await exchange(target, method, proof, token === undefined ? undefined : `Bearer ${token}`);
  if (first.status !== 401) return first;
  const answer = authorization(first.challenges, target, method, proof);
  return answer === undefined ? first : exchange(target, method, proof, answer);
}

/** Digest rather than Basic, which sends the password itself. */
function authorization(
  challenges: readonly string[],
  { url }: Target,
  method: Method,
  { password, digest }: Proof,
): string | undefined {
  const user = password?.user ?? digest?.user;
  if (user === undefined) return undefined;
  const hashOf = (realm: string) =>
    password === undefined ? digest!.hash : createHash('md5').update(`${user}:${realm}:${password.text}`).digest('hex');
  const challenge = challenges.find((each) => /^digest\s/i.test(each));
  const answer = { user, method, target: `${url.pathname}${url.search}`, hashOf };
  const digested = challenge === undefined ? undefined : digestAuthorization(challenge, answer);
  if (digested !== undefined) return digested;
  if (password === undefined || !challenges.some((each) => /^basic\b/i.test(each))) return undefined;
  return `Basic ${Buffer.from(`${user}:${password.text}`).toString('base64')}`;
}

async function exchange(target: Target, method: Method, proof: Proof, credentials: string | undefined): Promise<Reply> {
  const socket = await connectTo(target, proof);
  try {
    return await over(socket, target, method, credentials);
  } finally {
    socket.destroy();
  }
}

function over(socket: Socket, { url }: Target, method: Method, credentials: string | undefined): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const headers = { host: url.host, ...(credentials !== undefined && { authorization: credentials }) };
    const path = `${url.pathname}${url.search}`;
    const outgoing = request({ createConnection: () => socket, method, path, headers, timeout: SILENCE });
    outgoing.once('timeout', () => outgoing.destroy(new TallymanError(`it has said nothing for ${SILENCE / 1000} s`)));
    outgoing.once('error', reject);
    outgoing.once('response', (incoming) => {
      let text = '';
      incoming.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      incoming.once('error', reject);
      incoming.once('end', () => {
        const challenges = incoming.headersDistinct['www-authenticate'] ?? [];
        resolve({ status: incoming.statusCode!, text, challenges, headers: incoming.headers });
      });
    });
    outgoing.end();
  });
}
