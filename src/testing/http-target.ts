import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

/** The answer of a target: a body with status 200, a full answer, or a kind of failure. */
export type TargetAnswer =
  | string
  | {
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string | Uint8Array;
    }
  /** Takes the request and never answers. */
  | 'hang'
  /** Sends half an answer and cuts the connection. */
  | 'cut';

/** A request that a target received. */
export interface TargetRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** An HTTP server with configured answers, on a free port of the loopback interface. */
export class HttpTarget {
  /** By path, optionally with the query. `*` is the answer to other requests; without it 404. */
  readonly answers = new Map<string, TargetAnswer>();
  /** In the order of arrival. */
  readonly requests: TargetRequest[] = [];
  private readonly server: Server;

  private constructor(answers: Readonly<Record<string, TargetAnswer>>) {
    for (const [path, answer] of Object.entries(answers)) this.answers.set(path, answer);
    this.server = createServer((request, response) => void this.serve(request, response));
  }

  static async start(answers: Readonly<Record<string, TargetAnswer>> = {}): Promise<HttpTarget> {
    const target = new HttpTarget(answers);
    await once(target.server.listen(0, '127.0.0.1'), 'listening');
    return target;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** `http://127.0.0.1:PORT`. */
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = request.url ?? '/';
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString('utf8');
    this.requests.push({ method: request.method ?? 'GET', url, headers: request.headers, body });
    const answer = this.answers.get(url) ?? this.answers.get(url.replace(/\?.*/, '')) ?? this.answers.get('*');
    reply(response, answer ?? { status: 404, body: `nothing at ${url}` });
  }
}

function reply(response: ServerResponse, answer: TargetAnswer): void {
  if (answer === 'hang') return;
  if (answer === 'cut') {
    response.writeHead(200, { 'content-length': 1000 });
    response.write('half', () => response.destroy());
    return;
  }
  const { status = 200, headers = {}, body = '' } = typeof answer === 'string' ? { body: answer } : answer;
  response.writeHead(status, headers).end(body);
}
