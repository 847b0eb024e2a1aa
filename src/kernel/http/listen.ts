import { chmodSync, chownSync, existsSync, readFileSync, statSync, unlinkSync } from 'node:fs';
import type { Server } from 'node:http';
import { connect, type ListenOptions } from 'node:net';
import { parseListenAddress, type WebConfig } from '../config/index.js';
import { codeOf, messageOf, TallymanError } from '../contracts/index.js';

/**
 * Starts listening.
 * @param target an address, or the descriptor of a listening socket
 * @returns the URL (`http://127.0.0.1:8080`, `unix:/run/tallyman.sock`, `fd:3` for a passed unix socket)
 * @throws TallymanError naming the address and what to do
 */
export async function listen(server: Server, target: string | number, protocol: 'http' | 'https'): Promise<string> {
  if (typeof target === 'number') {
    await listenOn(server, `the socket passed as descriptor ${target}`, { fd: target });
    return urlOf(server, `fd:${target}`, protocol);
  }
  const address = parseListenAddress(target);
  if (address === undefined) {
    throw new TallymanError(`cannot listen on ${JSON.stringify(target)}: not an address`, {
      hint: 'write it as 127.0.0.1:8080, [::1]:8080 or unix:/run/tallyman.sock',
    });
  }
  if (address.kind === 'unix') {
    await removeStaleSocket(address.path);
    // Other users cannot connect before `setAccess` sets the mode.
    const previousMask = process.umask(0o177);
    const listening = listenOn(server, target, { path: address.path });
    process.umask(previousMask);
    await listening;
  } else {
    const { host, port } = address;
    await listenOn(server, target, { port, ...(host !== undefined && { host }) });
  }
  return urlOf(server, target, protocol);
}

/** Sets mode and owner of a unix socket; does nothing for other targets. @throws TallymanError when not permitted */
export function setAccess(target: string | number, { mode, user, group }: WebConfig['unixSocket']): void {
  const address = typeof target === 'string' ? parseListenAddress(target) : undefined;
  if (address?.kind !== 'unix') return;
  try {
    if (user !== undefined || group !== undefined) {
      chownSync(address.path, idOf('user', user) ?? -1, idOf('group', group) ?? -1);
    }
    chmodSync(address.path, Number.parseInt(mode, 8));
  } catch (error) {
    throw listenError(String(target), error);
  }
}

/** The ID of a user or group. @throws TallymanError when the name is unknown */
function idOf(kind: 'user' | 'group', name: string | undefined): number | undefined {
  if (name === undefined) return undefined;
  if (/^\d+$/.test(name)) return Number(name);
  const file = kind === 'user' ? '/etc/passwd' : '/etc/group';
  const line = readFileSync(file, 'utf8')
    .split('\n')
    .find((each) => each.startsWith(`${name}:`));
  if (line !== undefined) return Number(line.split(':')[2]);
  throw new TallymanError(`there is no ${kind} ${name} in ${file}`);
}

async function listenOn(server: Server, what: string, options: ListenOptions & { fd?: number }): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(options, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (error) {
    throw listenError(what, error);
  }
}

function urlOf(server: Server, text: string, protocol: string): string {
  const bound = server.address();
  if (bound === null) return text;
  if (typeof bound === 'string') return `unix:${bound}`;
  return `${protocol}://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`;
}

/** Removes a socket file that refuses connections: it was left by a process that was killed. */
async function removeStaleSocket(path: string): Promise<void> {
  if (!existsSync(path) || !statSync(path).isSocket()) return;
  const refused = await new Promise<boolean>((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(false);
    });
    probe.once('error', (error) => resolve(codeOf(error) === 'ECONNREFUSED'));
  });
  if (refused) unlinkSync(path);
}

const HINTS: Record<string, string> = {
  EADDRINUSE: 'another process listens there: stop it, or choose another address with web.listen',
  EADDRNOTAVAIL: 'this host has no such address: see `ip addr`, and correct web.listen',
  EACCES: 'not permitted: choose a port above 1023 or a directory the agent may write to',
  ENOTFOUND: 'the host name does not resolve: write an IP address in web.listen',
  ENOENT: 'the directory of the socket does not exist: create it, or correct web.listen',
};

function listenError(what: string, error: unknown): TallymanError {
  const hint = HINTS[codeOf(error) ?? ''];
  const options = hint === undefined ? { cause: error } : { hint, cause: error };
  return new TallymanError(`cannot listen on ${what}: ${messageOf(error)}`, options);
}
