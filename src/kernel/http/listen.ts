import { existsSync, statSync, unlinkSync } from 'node:fs';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { parseListenAddress } from '../config/index.js';
import { codeOf, messageOf, TallymanError } from '../contracts/index.js';

/**
 * Lets the server listen.
 * @returns the URL under which it answers (`http://127.0.0.1:8080`, `unix:/run/tallyman.sock`)
 * @throws TallymanError naming the address and what to do
 */
export async function listen(server: Server, text: string): Promise<string> {
  const address = parseListenAddress(text);
  if (address === undefined) {
    throw new TallymanError(`cannot listen on ${JSON.stringify(text)}: not an address`, {
      hint: 'write it as 127.0.0.1:8080, [::1]:8080 or unix:/run/tallyman.sock',
    });
  }
  if (address.kind === 'unix') await removeStaleSocket(address.path);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(address.kind === 'unix' ? { path: address.path } : tcpOptions(address), () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (error) {
    throw listenError(text, error);
  }
  return urlOf(server, text);
}

function tcpOptions(address: { host: string | undefined; port: number }) {
  return address.host === undefined ? { port: address.port } : { host: address.host, port: address.port };
}

function urlOf(server: Server, text: string): string {
  const bound = server.address();
  if (bound === null || typeof bound === 'string') return text;
  return `http://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`;
}

/** A socket file that nobody answers on is left over from a process that was killed. */
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

function listenError(text: string, error: unknown): TallymanError {
  const hint = HINTS[codeOf(error) ?? ''];
  const options = hint === undefined ? { cause: error } : { hint, cause: error };
  return new TallymanError(`cannot listen on ${text}: ${messageOf(error)}`, options);
}
