import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';

const LISTEN = '0A';

/**
 * Looks for a listening TCP socket that one of the processes holds. Containers in the host's network share its
 * loopback: this is how their own ports are told from those of everything else on the host.
 * @returns the address to connect to, `undefined` when none of them listens on the port
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

/** An address as the kernel prints it: 32-bit words in host order (little endian). */
function connectable(hex: string): string {
  const bytes = Buffer.from(hex, 'hex');
  if (/^0*$/.test(hex) || bytes.length % 4 !== 0) return '127.0.0.1';
  bytes.swap32();
  if (bytes.length === 4) return bytes.join('.');
  return Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2).toString(16)).join(':');
}

const readText = (path: string): Promise<string> => readFile(path, 'latin1').catch(() => '');
