export type Endpoint =
  | { readonly kind: 'unix'; readonly url: string; readonly path: string }
  | { readonly kind: 'http' | 'https'; readonly url: string; readonly host: string; readonly port: number };

const FORMS = 'unix:///var/run/docker.sock, tcp://host:2375 or https://host:2376';

/**
 * Reads an engine's address.
 * @returns the endpoint, or an error message
 */
export function parseEndpoint(address: string): Endpoint | string {
  const path = address.startsWith('unix://') ? address.slice(7) : address;
  if (path.startsWith('/')) return { kind: 'unix', url: `unix://${path}`, path };
  if (address.startsWith('unix:')) return `expected an absolute socket path such as ${FORMS}, not ${address}`;
  const plain = address.replace(/^tcp:/, 'http:');
  if (!URL.canParse(plain)) return `expected an address such as ${FORMS}, not ${address}`;
  const url = new URL(plain);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return `expected an address such as ${FORMS}, not ${address}: ${url.protocol}// is not supported`;
  }
  if (url.username !== '' || url.password !== '') {
    return `expected only host and port, such as ${FORMS}, not a user and a password`;
  }
  if (url.pathname !== '/' || url.search !== '') {
    return `expected only host and port, such as ${FORMS}, not ${address}`;
  }
  const https = url.protocol === 'https:';
  const defaultPort = /:80$/.test(address) ? 80 : /:443$/.test(address) ? 443 : https ? 2376 : 2375;
  return {
    kind: https ? 'https' : 'http',
    url: address,
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? defaultPort : Number(url.port),
  };
}
