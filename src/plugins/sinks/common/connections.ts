import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { type HttpOptions, secret, z } from '../../../kernel/contracts/index.js';

/** `host:port` or `[IPv6]:port`. */
export const HOST_PORT = /^(\[[\da-fA-F:.]+\]|[^\s:[\]/]+):\d{1,5}$/;

/** The parts of a text that `HOST_PORT` matches. */
export function destinationOf(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) };
}

/** Options for the password of a connection, of which at most one is given. */
export const passwordOptions = {
  password: secret().optional().describe('Password.'),
  passwordFile: z
    .string()
    .regex(/^\//, { error: 'expected an absolute path' })
    .optional()
    .describe('File with the password, read at each connection.'),
};

/** The password that `passwordOptions` give now. */
export function passwordOf({ password, passwordFile }: z.output<z.ZodObject<typeof passwordOptions>>) {
  return passwordFile === undefined ? password : readFileSync(passwordFile, 'utf8').trimEnd();
}

/** How a connection uses TLS by the option `tls`, with its files as they are now. */
export function tlsOptions({ ca, cert, key, serverName, verify }: HttpOptions['tls']): ConnectionOptions {
  const file = (path: string | undefined) => (path === undefined ? undefined : readFileSync(path));
  return {
    ca: file(ca),
    cert: file(cert),
    key: file(key),
    rejectUnauthorized: verify,
    ...(serverName !== undefined && { servername: serverName }),
  };
}
