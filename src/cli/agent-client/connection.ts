import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { isIP, connect as plainly, type Socket } from 'node:net';
import { connect as securely, type TLSSocket } from 'node:tls';
import { TallymanError } from '../../kernel/contracts/index.js';
import type { Proof } from './proof.js';
import type { Target } from './target.js';

/** Opens a connection to the agent, of which is known that it leads to the agent before anything is sent. */
export async function connectTo({ url, socket: path }: Target, proof: Proof): Promise<Socket> {
  if (path !== undefined) return opened(plainly({ path }), 'connect');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const secure = url.protocol === 'https:';
  const port = Number(url.port || (secure ? 443 : 80));
  if (!secure) return opened(plainly({ host, port }), 'connect');
  const { ca, cert, key, certificate } = proof;
  const socket = securely({
    host,
    port,
    ...(isIP(host) === 0 && { servername: host }),
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && key !== undefined && { cert, key }),
    // Compared below with the one certificate that it may be, which says more than any authority.
    rejectUnauthorized: certificate === undefined,
  });
  await opened(socket, 'secureConnect');
  if (certificate !== undefined) assertShown(socket, certificate);
  return socket;
}

function assertShown(socket: TLSSocket, expected: Buffer): void {
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
