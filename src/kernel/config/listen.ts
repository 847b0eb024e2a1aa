import { isIPv4 } from 'node:net';

/** An address that the HTTP server listens on; no host means all interfaces. */
export type ListenAddress =
  | { readonly kind: 'tcp'; readonly host: string | undefined; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

const MAX_PORT = 65_535;

/** Parses a port; `undefined` when invalid. 0 means any free port. */
export function parsePort(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : undefined;
  return port === undefined || port > MAX_PORT ? undefined : port;
}

/** Parses `host:port`, `[IPv6]:port`, `:port` or `unix:/path`; `undefined` when invalid. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length).replace(/^\/\/(?=\/)/, '');
    return path.startsWith('/') && !path.includes('\0') ? { kind: 'unix', path } : undefined;
  }
  const match = /^(?:\[([0-9a-fA-F:.]+(?:%[\w.-]+)?)\]|([A-Za-z0-9][\w.-]*)?):(\d{1,5})$/.exec(text);
  const port = match === null ? undefined : parsePort(match[3]!);
  if (match === null || port === undefined) return undefined;
  return { kind: 'tcp', host: match[1] ?? match[2], port };
}

/** The inverse of `parseListenAddress`. */
export function formatListenAddress(address: ListenAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  return address.host?.includes(':') ? `[${address.host}]:${address.port}` : `${address.host ?? ''}:${address.port}`;
}

/** Whether only this host can connect to an address; names other than `localhost` are not looked up. */
export function isLoopbackAddress(text: string): boolean {
  const address = parseListenAddress(text);
  return address?.kind === 'unix' || (address?.kind === 'tcp' && isLoopbackHost(address.host ?? ''));
}

/** Whether a host name or IP address is loopback: `localhost`, `127.x.y.z`, `::1`. */
export function isLoopbackHost(host: string): boolean {
  const bare = host
    .toLowerCase()
    .replace(/\.$/, '')
    .replace(/^::ffff:(?=\d+\.)/, '');
  if (bare === 'localhost' || bare.endsWith('.localhost') || bare === '::1') return true;
  return isIPv4(bare) && bare.startsWith('127.');
}
