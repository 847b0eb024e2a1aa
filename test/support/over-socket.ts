import { request } from 'node:http';

/** Sends a GET over a unix socket: status and body. */
export function overSocket(socketPath: string, path: string): Promise<[status: number, body: string]> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path, headers: { host: 'localhost' } }, (incoming) => {
      let body = '';
      incoming.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      incoming.once('end', () => resolve([incoming.statusCode!, body])).once('error', reject);
    });
    outgoing.once('error', reject).end();
  });
}
