import { hostname } from 'node:os';
import { isLoopbackHost } from '../../config/index.js';

/**
 * Whether a request may call this host by the name it does. A page that lets its own name point here (DNS rebinding)
 * gives itself away by that name. Requests over a unix socket come from no browser.
 * @param host the `Host` header, absent in HTTP/1.0
 * @param localAddress the address that the connection came to, absent for a unix socket
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
