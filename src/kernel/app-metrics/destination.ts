import { isIP, isIPv4 } from 'node:net';
import { type AppEndpoint, CollectionError, type ContainerDescription } from '../contracts/index.js';

/** Where a request goes in the end. */
export type Destination =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly check: 'none' | 'listener' }
  | { readonly kind: 'unix'; readonly path: string };

/** What decides where a container's endpoints may lead. */
export interface Reach {
  readonly networkMode: ContainerDescription['networkMode'];
  /** The container's addresses, or those of the container whose network it uses. */
  readonly addresses: readonly string[];
  /** Hosts that the administrator wrote down. */
  readonly trustedHosts: readonly string[];
}

/**
 * Finds out where an endpoint leads, and refuses everything that is not the container itself: a label or a file of its
 * image must not make the agent, which runs as root on the host, ask other hosts or the host's own services.
 * @throws CollectionError
 */
export function resolveEndpoint(endpoint: AppEndpoint, reach: Reach): Destination {
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
  if (reach.trustedHosts.some((trusted) => canonicalHost(trusted) === host)) {
    return { kind: 'tcp', host, port, check: 'none' };
  }
  return isLocal(host) ? ownAddress(port, reach) : foreignAddress(host, port, reach);
}

function ownAddress(port: number, { networkMode, addresses }: Reach): Destination {
  if (networkMode === 'host') return { kind: 'tcp', host: '127.0.0.1', port, check: 'listener' };
  const [host] = addresses;
  if (host !== undefined) return { kind: 'tcp', host, port, check: 'none' };
  throw new CollectionError(
    networkMode === 'none'
      ? 'a plain cgroup has no address of its own; write host: 127.0.0.1 into its entry of the config'
      : 'its runtime gave it no address that the host can reach; a unix socket (socket: /path) works without',
  );
}

function foreignAddress(host: string, port: number, { networkMode, addresses }: Reach): Destination {
  if (addresses.some((address) => canonicalHost(address) === host)) return { kind: 'tcp', host, port, check: 'none' };
  const own = networkMode === 'host' ? 'localhost' : addresses.join(', ') || 'none';
  throw new CollectionError(
    `host ${host} is not the container's (its addresses: ${own}): metrics are collected from the container itself; write localhost`,
  );
}

/** One spelling for each host; brackets off, IPv6 in its short form. */
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
