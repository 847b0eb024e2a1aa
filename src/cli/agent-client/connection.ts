import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { TallymanError } from '../../kernel/contracts/index.js';
import type { Credentials } from './credentials.js';
import type { Target } from './target.js';

/** Opens a connection to the agent. A TLS connection is verified before anything is sent. */
export async function connectTo({ url, socket: path }: Target, credentials: Credentials): Promise<Socket> {
  if (path !== undefined) return opened(connectTcp({ path }), 'connect');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const secure = url.protocol === 'https:';
  const port = Number(url.port || (secure ? 443 : 80));
  if (!secure) return opened(connectTcp({ host, port }), 'connect');
  const { ca, cert, key, certificate } = credentials;
  const socket = connectTls({
    host,
    port,
    ...(isIP(host) === 0 && { servername: host }),
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && key !== undefined && { cert, key }),
    // Compared below with the only accepted certificate, which is stricter than trusting an authority.
    rejectUnauthorized: certificate === undefined,
  });
  await opened(socket, 'secureConnect');
  if (certificate !== undefined) assertCertificate(socket, certificate);
  return socket;
}

function assertCertificate(socket: TLSSocket, expected: Buffer): void {
  if (socket.getPeerX509Certificate()?.fingerprint256 === new X509Certificate(expected).fingerprint256) return;
  socket.destroy();
  throw new TallymanError('another certificate is shown than the one in web.tls.cert', {
    hint: 'is it another program that listens there? --ca FILE names whom to trust',
  });
}

async function opened<S extends Socket>(socket: S, event: 'connect' | 'secureConnect'): Promise<S> {
  await once(socket, event);
  return socket;
}
