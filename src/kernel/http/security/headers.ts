import type { IncomingMessage, ServerResponse } from 'node:http';

/** Said with every answer; a page of the agent may say otherwise in its own headers. */
const HEADERS: readonly (readonly [name: string, value: string])[] = [
  ['X-Content-Type-Options', 'nosniff'],
  ['X-Frame-Options', 'DENY'],
  ['Referrer-Policy', 'no-referrer'],
  ['Content-Security-Policy', "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"],
];

/** What may be read by pages of other origins: nothing unless they are listed. */
export function setHeaders({ headers }: IncomingMessage, response: ServerResponse, origins: readonly string[]): void {
  for (const [name, value] of HEADERS) response.setHeader(name, value);
  const { origin } = headers;
  const isListed = origin !== undefined && (origins.includes(origin) || origins.includes('*'));
  response.setHeader('Cross-Origin-Resource-Policy', isListed ? 'cross-origin' : 'same-origin');
  if (origins.length > 0) response.setHeader('Vary', 'Origin');
  if (isListed) response.setHeader('Access-Control-Allow-Origin', origin);
}

/** Whether the browser asks on behalf of a listed origin if it may ask; then the headers for its answer are set. */
export function isPreflight(request: IncomingMessage, response: ServerResponse): boolean {
  const asks = request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined;
  if (!asks || !response.hasHeader('Access-Control-Allow-Origin')) return false;
  response.setHeader('Access-Control-Allow-Methods', 'GET, HEAD, POST');
  response.setHeader('Access-Control-Allow-Headers', 'Authorization, Content-Type');
  response.setHeader('Access-Control-Max-Age', '600');
  return true;
}

/** Whether a browser says that a page of another origin sent this. */
export function isFromElsewhere({ headers }: IncomingMessage): boolean {
  const { origin } = headers;
  const site = headers['sec-fetch-site'];
  if (typeof site === 'string') return site !== 'same-origin' && site !== 'none';
  return origin !== undefined && origin.replace(/^https?:\/\//, '') !== headers.host;
}
