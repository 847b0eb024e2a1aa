import { TallymanError } from '../../kernel/contracts/index.js';
import type { AgentNote } from '../../kernel/operations/index.js';

/** What is asked, and over which connection. */
export interface Target {
  /** Path and query may be set. */
  readonly url: URL;
  /** Path of a unix socket to connect to instead of the URL's host. */
  readonly socket?: string;
}

/**
 * The agent that a flag names: `host:port`, a URL with the agent's prefix if it has one, or `unix:/path`.
 * @throws TallymanError
 */
export function targetOf(text: string, example: string): Target {
  if (text.startsWith('unix:/')) return { url: new URL('http://localhost'), socket: text.slice('unix:'.length) };
  const full = /^https?:\/\//.test(text) ? text : `http://${text}`;
  if (!URL.canParse(full)) throw new TallymanError(`not a URL: ${JSON.stringify(text)}`, { hint: `--url ${example}` });
  const url = new URL(full);
  if (url.username !== '' || url.password !== '') {
    throw new TallymanError('--url must not hold a password: every user of this host can read command lines', {
      hint: '--user NAME --password-file FILE',
    });
  }
  return { url };
}

/** The same agent's route, of a target that names the agent or already the route. */
export function routeOf(target: Target, route: string): Target {
  const url = new URL(target.url);
  if (!url.pathname.endsWith(route)) url.pathname = `${url.pathname.replace(/\/$/, '')}${route}`;
  return { ...target, url };
}

/** An agent on this host, as its note says where it serves. @throws TallymanError when it serves nowhere */
export function targetOfAgent({ pid, urls: [address], prefix }: AgentNote): Target {
  if (address === undefined) throw new TallymanError(`process ${pid} serves nowhere`);
  return routeOf(targetOf(address, ''), prefix);
}

/** How messages call it. */
export function nameOf({ url, socket }: Target): string {
  return socket === undefined ? url.href : `unix:${socket}${url.pathname}`;
}
