import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type FakeAnswer =
  | { readonly status: number; readonly body: string }
  /** Accepts the request and never answers. */
  | 'hang'
  /** Sends half an answer and cuts the connection. */
  | 'cut';

/** A fake engine on a unix socket, with answers set by the test. */
export class FakeEngine {
  private readonly directory = mkdtempSync(join(tmpdir(), 'tallyman-test-engine-'));
  private readonly streams = new Set<ServerResponse>();
  private readonly held: (() => void)[] = [];
  private delayedPrefix: string | undefined;
  private server: Server | undefined;
  /** Inspect answers by id. */
  readonly containers = new Map<string, unknown>();
  /** Answers by prefix of the URL, in place of the default ones. */
  readonly overrides = new Map<string, FakeAnswer>();
  /** Requested URLs, in order. */
  readonly requests: string[] = [];
  version: unknown = { Version: '29.0.1', ApiVersion: '1.52', MinAPIVersion: '1.44' };

  get endpoint(): string {
    return `unix://${join(this.directory, 'engine.sock')}`;
  }

  /** Number of open event streams. */
  get listeners(): number {
    return this.streams.size;
  }

  async listen(): Promise<void> {
    const server = createServer((request, response) => this.answer(request, response));
    this.server = server;
    await once(server.listen(join(this.directory, 'engine.sock')), 'listening');
  }

  /** Listens on a TCP port of its own. @param tls options of a TLS server; without them it speaks plain HTTP */
  async listenOnPort(tls?: ServerOptions): Promise<number> {
    const answer = (request: IncomingMessage, response: ServerResponse) => this.answer(request, response);
    const server = tls === undefined ? createServer(answer) : createTlsServer(tls, answer);
    this.server = server;
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return (server.address() as AddressInfo).port;
  }

  /** Cuts all connections and closes the socket, like a killed engine. */
  async shut(): Promise<void> {
    const server = this.server;
    this.server = undefined;
    if (server === undefined) return;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  async dispose(): Promise<void> {
    await this.shut();
    rmSync(this.directory, { recursive: true });
  }

  /** Number of answers that wait for `release`. */
  get delayed(): number {
    return this.held.length;
  }

  /** Keeps the answers to `/version` or about containers whose URL begins like this, as they are when asked, until `release`. */
  delay(prefix: string): void {
    this.delayedPrefix = prefix;
  }

  release(): void {
    this.delayedPrefix = undefined;
    for (const answer of this.held.splice(0)) answer();
  }

  /** Writes bytes to every event stream as they are. */
  send(bytes: string | Uint8Array): void {
    for (const stream of this.streams) stream.write(bytes);
  }

  /** Ends every event stream in good order. */
  endStreams(): void {
    for (const stream of this.streams) stream.end();
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const url = request.url ?? '';
    this.requests.push(url);
    const override = [...this.overrides].find(([prefix]) => url.startsWith(prefix))?.[1];
    if (override === 'hang') return;
    if (override === 'cut') {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 });
      response.write('[{"Id":', () => response.destroy());
      return;
    }
    if (override !== undefined) reply(response, override.status, override.body);
    else if (url.startsWith('/events')) this.stream(response);
    else if (url.startsWith('/version')) this.later(url, () => reply(response, 200, JSON.stringify(this.version)));
    else if (url.startsWith('/info')) reply(response, 200, '{"DockerRootDir":"/var/lib/docker"}');
    else if (url.startsWith('/containers/json')) reply(response, 200, JSON.stringify(this.list()));
    else this.inspect(url, response);
  }

  private stream(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    this.streams.add(response);
    response.on('close', () => this.streams.delete(response));
  }

  private list(): unknown[] {
    return [...this.containers].map(([id, answer]) => {
      const { Name, State, Config, Image } = answer as Record<string, Record<string, string>>;
      return { Id: id, Names: [Name], State: State?.Status, Image: Config?.Image, ImageID: Image, Labels: {} };
    });
  }

  private inspect(url: string, response: ServerResponse): void {
    const container = this.containers.get(/^\/containers\/([^/]+)\/json/.exec(url)?.[1] ?? '');
    this.later(url, () => {
      if (container === undefined) reply(response, 404, '{"message":"No such container"}');
      else reply(response, 200, JSON.stringify(container));
    });
  }

  private later(url: string, answer: () => void): void {
    if (this.delayedPrefix !== undefined && url.startsWith(this.delayedPrefix)) this.held.push(answer);
    else answer();
  }
}

function reply(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(body);
}

/** An inspect answer of a running container, with what the test wants otherwise on top. */
export function fakeContainer(id: string, name: string, over: Record<string, unknown> = {}): unknown {
  return {
    Id: id,
    Created: '2026-01-02T03:04:05.123456789Z',
    Name: `/${name}`,
    RestartCount: 0,
    Image: 'sha256:abc',
    Driver: 'overlay2',
    LogPath: `/var/lib/docker/containers/${id}/${id}-json.log`,
    State: {
      Status: 'running',
      Running: true,
      OOMKilled: false,
      Pid: 4242,
      ExitCode: 0,
      StartedAt: '2026-01-02T03:04:06Z',
      FinishedAt: '0001-01-01T00:00:00Z',
    },
    HostConfig: { NetworkMode: 'default' },
    GraphDriver: { Name: 'overlay2', Data: { UpperDir: '/var/lib/docker/overlay2/l1/diff' } },
    Config: { Image: 'shop/web:1', Labels: { 'com.acme.tier': 'front' }, Env: ['APP_TIER=front', 'SECRET=x'] },
    ...over,
  };
}

/** An event as Docker sends it. */
export function fakeEvent(id: string, action: string, attributes: Record<string, string> = {}): string {
  const event = { Type: 'container', Action: action, Actor: { ID: id, Attributes: attributes } };
  return `${JSON.stringify({ status: action, id, ...event, time: 1767323046, timeNano: 1767323046e9 })}\n`;
}
