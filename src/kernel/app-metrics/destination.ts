import { readdir, readFile, readlink } from 'node:fs/promises';
import { isIP, isIPv4 } from 'node:net';
import { join } from 'node:path';
import { type AppEndpoint, CollectionError, type ContainerDescription } from '../contracts/index.js';

/** The resolved destination of a request. */
export type Destination =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly check: 'none' | 'listener' }
  | { readonly kind: 'unix'; readonly path: string };

/** What determines which destinations a container's endpoints may have. */
export interface NetworkScope {
  readonly networkMode: ContainerDescription['networkMode'];
  /** The container's addresses, or those of the container whose network it uses. */
  readonly addresses: readonly string[];
  /** Hosts from the configuration. */
  readonly trustedHosts: readonly string[];
}

/**
 * Resolves an endpoint, and rejects every destination but the container itself: a label or a file of its image must not
 * make the agent, which runs as root on the host, connect to other hosts or to services of the host.
 * @throws CollectionError
 */
export function resolveEndpoint(endpoint: AppEndpoint, scope: NetworkScope): Destination {
  if (endpoint.socket !== undefined) {
    if (!endpoint.socket.startsWith('/')) {
      throw new CollectionError(`socket ${JSON.stringify(endpoint.socket)} is not an absolute path`);
    }
    return { kind: 'unix', path: endpoint.socket };
  }
  const port = endpoint.port ?? Number.NaN;
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new CollectionError(`port ${endpoint.port ?? '(none)'} is not a number from 1 to 65535`);
  }
  const host = canonicalHost(endpoint.host ?? 'localhost');
  if (scope.trustedHosts.some((trusted) => canonicalHost(trusted) === host)) {
    return { kind: 'tcp', host, port, check: 'none' };
  }
  return isLocal(host) ? ownAddress(port, scope) : foreignAddress(host, port, scope);
}

function ownAddress(port: number, { networkMode, addresses }: NetworkScope): Destination {
  if (networkMode === 'host') return { kind: 'tcp', host: '127.0.0.1', port, check: 'listener' };
  const [host] = addresses;
  if (host !== undefined) return { kind: 'tcp', host, port, check: 'none' };
  throw new CollectionError(
    networkMode === 'none'
      ? 'a plain cgroup has no address; set host: 127.0.0.1 in its entry of the config'
      : 'it has no address that the host can reach; use a unix socket (socket: /path)',
  );
}

function foreignAddress(host: string, port: number, { networkMode, addresses }: NetworkScope): Destination {
  if (addresses.some((address) => canonicalHost(address) === host)) return { kind: 'tcp', host, port, check: 'none' };
  const own = networkMode === 'host' ? 'localhost' : addresses.join(', ') || 'none';
  throw new CollectionError(
    `host ${host} is not the container's (its addresses: ${own}): metrics are collected from the container itself; write localhost`,
  );
}

/** A canonical form for comparison: lower case, without brackets, IPv6 compressed. */
function canonicalHost(host: string): string {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (isIP(bare) !== 6 || !URL.canParse(`http://[${bare}]/`)) return bare;
  return new URL(`http://[${bare}]/`).hostname.slice(1, -1);
}

const isLocal = (host: string): boolean =>
  host === 'localhost' ||
  host === '::1' ||
  host === '::' ||
  host === '0.0.0.0' ||
  (isIPv4(host) && host.startsWith('127.'));

const LISTEN = '0A';

/**
 * Finds a listening TCP socket of one of the processes. Containers in the host's network share its loopback, so their own
 * ports must be distinguished from other ports of the host.
 * @returns the address to connect to, `undefined` when none of the processes listens on the port
 */
export async function findListener(proc: string, pids: readonly number[], port: number): Promise<string | undefined> {
  const [first] = pids;
  if (first === undefined) return undefined;
  const tables = await Promise.all(['tcp', 'tcp6'].map((name) => readText(join(proc, String(first), 'net', name))));
  const listeners = new Map(tables.flatMap((table) => parseListeners(table, port)));
  if (listeners.size === 0) return undefined;
  for (const pid of pids) {
    const directory = join(proc, String(pid), 'fd');
    for (const name of await readdir(directory).catch(() => [])) {
      const inode = /^socket:\[(\d+)\]$/.exec(await readlink(join(directory, name)).catch(() => ''))?.[1];
      const address = inode === undefined ? undefined : listeners.get(inode);
      if (address !== undefined) return address;
    }
  }
  return undefined;
}

/** @returns socket inode → address to connect to, of every listening socket on the port in a `/proc/net/tcp` table */
export function parseListeners(table: string, port: number): [inode: string, address: string][] {
  const found: [string, string][] = [];
  for (const line of table.split('\n')) {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
    const [address, hexPort] = local?.split(':') ?? [];
    if (state !== LISTEN || inode === undefined || address === undefined) continue;
    if (Number.parseInt(hexPort ?? '', 16) === port) found.push([inode, connectable(address)]);
  }
  return found;
}

/** Parses an address of `/proc/net/tcp`: 32-bit words in host byte order (little endian). */
function connectable(hex: string): string {
  const bytes = Buffer.from(hex, 'hex');
  if (/^0*$/.test(hex) || bytes.length % 4 !== 0) return '127.0.0.1';
  bytes.swap32();
  if (bytes.length === 4) return bytes.join('.');
  return Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2).toString(16)).join(':');
}

const readText = (path: string): Promise<string> => readFile(path, 'latin1').catch(() => '');
