import { TallymanError } from '../../kernel/contracts/index.js';
import type { AgentNote } from '../../kernel/operations/index.js';

/** The address of a request. */
export interface Target {
  /** May have a path and query. */
  readonly url: URL;
  /** Path of a unix socket to connect to instead of the URL's host. */
  readonly socket?: string;
}

/**
 * Parses an address: `host:port`, a URL with the agent's prefix if it has one, or `unix:/path`.
 * @throws TallymanError
 */
export function targetOf(text: string, example: string): Target {
  if (text.startsWith('unix:/')) return { url: new URL('http://localhost'), socket: text.slice('unix:'.length) };
  const full = /^https?:\/\//.test(text) ? text : `http://${text}`;
  if (!URL.canParse(full)) throw new TallymanError(`not a URL: ${JSON.stringify(text)}`, { hint: `--url ${example}` });
  const url = new URL(full);
  if (url.username !== '' || url.password !== '') {
    throw new TallymanError('--url must not contain a password: every user of this host can read command lines', {
      hint: '--user NAME --password-file FILE',
    });
  }
  return { url };
}

/** Appends a route to a target, unless it ends with that route. */
export function routeOf(target: Target, route: string): Target {
  const url = new URL(target.url);
  if (!url.pathname.endsWith(route)) url.pathname = `${url.pathname.replace(/\/$/, '')}${route}`;
  return { ...target, url };
}

/** The path of a question about a container, by a name of any kind; without one the route itself. */
export function pathOfContainer(route: string, container: string | undefined): string {
  if (container === undefined) return route;
  const segments = container.replace(/^\/+/, '').split('/');
  return `${route}/${segments.map(encodeURIComponent).join('/')}`;
}

/** The address of an agent on this host, from its note. @throws TallymanError when it has no address */
export function targetOfAgent({ pid, urls: [address], prefix }: AgentNote): Target {
  if (address === undefined) throw new TallymanError(`process ${pid} serves no address`);
  return routeOf(targetOf(address, ''), prefix);
}

/** The host without the brackets of an IPv6 address. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '');
}

/** The target as messages show it. */
export function nameOf({ url, socket }: Target): string {
  return socket === undefined ? url.href : `unix:${socket}${url.pathname}`;
}
