/** A published port of a container. */
export interface PublishedPort {
  /** An address of the host, in brackets if IPv6; empty: all addresses. */
  readonly host: string;
  readonly port: string;
  /** The container's port. */
  readonly container: string;
}

/** Reads `[address:]port:port-of-the-container[/tcp]`; `undefined` when it is not one TCP port of the host. Never throws. */
export function publishedPort(text: string): PublishedPort | undefined {
  const match = /^(?:(\[[0-9a-fA-F:.]+\]|[\d.]+):)?(\d{1,5}):(\d{1,5})(?:\/tcp)?$/.exec(text);
  if (match === null) return undefined;
  const [, host = '', port = '', container = ''] = match;
  return { host, port, container };
}

/** The values of `-p` and `--publish` in the arguments of `docker run`. */
export function publishedBy(words: readonly string[]): string[] {
  const texts: string[] = [];
  for (const [index, word] of words.entries()) {
    const [, given] = /^(?:--publish|-p)(?:=(.*)|)$/s.exec(word) ?? /^-p(\d.*)$/s.exec(word) ?? [word];
    const isOption = word === '-p' || word === '--publish' || given !== undefined;
    const text = given ?? words[index + 1];
    if (isOption && text !== undefined) texts.push(text);
  }
  return texts;
}

/** The same for `ports` of a compose file or a manifest, in any form. */
export function publishedIn(ports: unknown): string[] {
  if (!Array.isArray(ports)) return [];
  return ports.flatMap((each: unknown) => {
    if (typeof each !== 'object' || each === null) return String(each).includes(':') ? [String(each)] : [];
    const { target, published, host_ip, containerPort, hostPort, hostIP } = each as Record<string, unknown>;
    const port = published ?? hostPort;
    const address = host_ip ?? hostIP;
    if (port === undefined) return [];
    const host = address === undefined ? '' : `${String(address).includes(':') ? `[${address}]` : address}:`;
    return [`${host}${port}:${target ?? containerPort}`];
  });
}
