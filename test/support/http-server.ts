import { once } from 'node:events';
import { connect } from 'node:net';
import { type WebConfig, webDefaults } from '../../src/kernel/config/index.js';
import type { Answer } from '../../src/kernel/contracts/index.js';
import { HttpServer, type HttpServerOptions, type Mounts } from '../../src/kernel/http/index.js';
import { loggerTo, SILENT } from './loggers.js';

const WEB: WebConfig = { ...webDefaults(), listen: ['127.0.0.1:0'], requestTimeout: 20_000, maxConnections: 500 };

/** A server on a free port of loopback, which serves nothing and says nothing, unless the options say otherwise. */
export function httpServer(
  options: Partial<Omit<HttpServerOptions, 'web'>> = {},
  web: Partial<WebConfig> = {},
): HttpServer {
  const nothing = { apiVersions: [], endpoints: [], logger: SILENT };
  return new HttpServer({ ...nothing, guard: (_id, _what, call) => call(), ...options, web: { ...WEB, ...web } });
}

/** Notes what calls into plugins throw, as `id what: error`, and throws it on. */
export function noteFaults(faults: string[]): HttpServerOptions['guard'] {
  return (id, what, call) => {
    const fault = (error: unknown): never => {
      faults.push(`${id} ${what}: ${String(error)}`);
      throw error;
    };
    try {
      const result = call();
      return result instanceof Promise ? (result.catch(fault) as typeof result) : result;
    } catch (error) {
      return fault(error);
    }
  };
}

interface Serving {
  readonly url: string;
  readonly port: number;
  readonly server: HttpServer;
  /** All options it was made with. */
  readonly web: WebConfig;
}

/** The servers of one test file, which serve the same, and what they note. */
export class HttpBench {
  readonly faults: string[] = [];
  /** Messages. */
  readonly logged: string[] = [];
  private readonly servers: HttpServer[] = [];

  constructor(private readonly mounts: Partial<Mounts> = {}) {}

  /** @throws TallymanError when the address cannot be listened on */
  async serve(options: Partial<WebConfig> = {}): Promise<Serving> {
    const web = { ...WEB, ...options };
    const server = httpServer({ ...this.mounts, guard: noteFaults(this.faults), logger: loggerTo(this.logged) }, web);
    this.servers.push(server);
    const [url] = (await server.start()) as [string];
    return { url, port: Number(new URL(url).port), server, web };
  }

  async stop(): Promise<void> {
    for (const server of this.servers) await server.stop(0);
  }
}

export const PIECE = 16_384;

/** An answer of `count` pieces, each of one letter. It fails after them when asked to; `ended` hears of every end. */
export function pieces(count: number, failure?: string, ended?: () => void): Answer {
  return {
    *body(out) {
      try {
        for (let i = 0; i < count; i++) {
          out.ascii(letterOf(i).repeat(PIECE));
          yield;
        }
        if (failure !== undefined) throw new Error(failure);
      } finally {
        ended?.();
      }
    },
  };
}

/** What the piece of this number consists of. */
export function letterOf(piece: number): string {
  return String.fromCharCode(97 + (piece % 26));
}

/** Sends bytes. @returns everything that comes until the server closes */
export async function sendBytes(port: number, bytes: string | Uint8Array): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.setEncoding('latin1').on('data', (data: string) => {
    answer += data;
  });
  socket.on('error', () => {});
  if (typeof bytes === 'string') socket.write(bytes, 'latin1');
  else socket.write(bytes);
  await once(socket, 'close');
  return answer;
}

/** Follows no redirect. @returns status and body */
export async function get(url: string, init?: RequestInit): Promise<[status: number, body: string]> {
  const response = await fetch(url, { redirect: 'manual', ...init });
  return [response.status, await response.text()];
}
