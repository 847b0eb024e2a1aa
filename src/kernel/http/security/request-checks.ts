import type { IncomingMessage, ServerResponse } from 'node:http';
import { hostname } from 'node:os';
import { isLoopbackHost, type WebConfig } from '../../config/index.js';

/** Sent with every answer; a page of the agent may override them. */
const HEADERS: readonly (readonly [name: string, value: string])[] = [
  ['X-Content-Type-Options', 'nosniff'],
  ['X-Frame-Options', 'DENY'],
  ['Referrer-Policy', 'no-referrer'],
  ['Content-Security-Policy', "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"],
];

/** Sets the security headers and those of CORS. Pages of other origins may read answers only if their origin is listed. */
export function setHeaders({ headers }: IncomingMessage, response: ServerResponse, origins: readonly string[]): void {
  for (const [name, value] of HEADERS) response.setHeader(name, value);
  const { origin } = headers;
  const isListed = origin !== undefined && (origins.includes(origin) || origins.includes('*'));
  response.setHeader('Cross-Origin-Resource-Policy', isListed ? 'cross-origin' : 'same-origin');
  if (origins.length > 0) response.setHeader('Vary', 'Origin');
  if (isListed) response.setHeader('Access-Control-Allow-Origin', origin);
}

/** Whether the request is a CORS preflight of a listed origin; sets the headers that answer it. */
export function isPreflight(request: IncomingMessage, response: ServerResponse): boolean {
  const asks = request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined;
  if (!asks || !response.hasHeader('Access-Control-Allow-Origin')) return false;
  response.setHeader('Access-Control-Allow-Methods', 'GET, HEAD, POST');
  response.setHeader('Access-Control-Allow-Headers', 'Authorization, Content-Type');
  response.setHeader('Access-Control-Max-Age', '600');
  return true;
}

/** Whether a browser sent the request on behalf of another origin. */
export function isCrossOrigin({ headers }: IncomingMessage): boolean {
  const { origin } = headers;
  const site = headers['sec-fetch-site'];
  if (typeof site === 'string') return site !== 'same-origin' && site !== 'none';
  return origin !== undefined && origin.replace(/^https?:\/\//, '') !== headers.host;
}

/**
 * Whether the `Host` header names this host. DNS rebinding, where a page points its own name at this host, is detected
 * by that name. Requests over a unix socket do not come from a browser and are accepted.
 * @param host the `Host` header, absent in HTTP/1.0
 * @param localAddress the address that the client connected to, absent for a unix socket
 */
export function isKnownHost(
  host: string | undefined,
  localAddress: string | undefined,
  hosts: readonly string[],
): boolean {
  if (host === undefined || localAddress === undefined || hosts.includes('*')) return true;
  const arrivedOnLoopback = isLoopbackHost(localAddress);
  if (!arrivedOnLoopback && hosts.length === 0) return true;
  const name = nameOf(host);
  if (hosts.some((each) => each.toLowerCase() === name || each.toLowerCase() === host.toLowerCase())) return true;
  if (arrivedOnLoopback) return isLoopbackHost(name) || name === hostname().toLowerCase();
  return name === localAddress.replace(/^::ffff:/, '');
}

/** `[::1]:8080` → `::1`, `Name:80` → `name` */
function nameOf(host: string): string {
  const match = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host);
  return (match?.[1] ?? match?.[2] ?? host).toLowerCase();
}

type Rule = WebConfig['auth']['rules'][number];

/** Applied after the configured rules: health checks are public, everything else needs authentication. */
const DEFAULT_RULES: readonly Rule[] = [
  { path: '/healthz', allow: 'anyone', users: [] },
  { path: '/-/ready', allow: 'anyone', users: [] },
  { path: '/', allow: 'authenticated', users: [] },
];

/** The first rule that matches a clean path without the URL prefix. */
export function ruleFor(path: string, rules: readonly Rule[]): Rule {
  const matches = (rule: Rule) =>
    path === rule.path || (rule.path.endsWith('/') && (path.startsWith(rule.path) || `${path}/` === rule.path));
  return rules.find(matches) ?? DEFAULT_RULES.find(matches)!;
}
