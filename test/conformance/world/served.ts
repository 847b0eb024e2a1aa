import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import v10 from '../../../src/api-versions/v1.0/index.js';
import v11 from '../../../src/api-versions/v1.1/index.js';
import v12 from '../../../src/api-versions/v1.2/index.js';
import v13 from '../../../src/api-versions/v1.3/index.js';
import v20 from '../../../src/api-versions/v2.0/index.js';
import v21 from '../../../src/api-versions/v2.1/index.js';
import type { WebConfig } from '../../../src/kernel/config/index.js';
import type {
  AgentView,
  ApiVersion,
  Endpoint,
  Logger,
  Plugin,
  PluginContext,
} from '../../../src/kernel/contracts/index.js';
import type { HttpServer } from '../../../src/kernel/http/index.js';
import webUi from '../../../src/plugins/endpoints/web-ui/index.js';
import { httpServer, noteFaults } from '../../support/http-server.js';
import { SILENT } from '../../support/loggers.js';

/** The API versions over an agent, behind the real HTTP server. */
export interface Served {
  readonly url: string;
  readonly server: HttpServer;
  /** Faults of plugins, `id what: message`. */
  readonly faults: string[];
}

export function apiVersions(agent: AgentView, logger = SILENT): { id: string; instance: ApiVersion }[] {
  const context = { agent, logger, signal: new AbortController().signal } as PluginContext;
  return [v10, v11, v12, v13, v20, v21].map((plugin: Plugin<'api-version'>) => ({
    id: plugin.name,
    instance: plugin.create(context, {}),
  }));
}

/** The routes of the pages over an agent. */
export function pagesOf(agent: AgentView): Endpoint['routes'] {
  const clock = { now: () => Date.now() * 1000, monotonic: () => performance.now() };
  const plugin: Plugin<'endpoint'> = webUi;
  return plugin.create({ agent, clock } as PluginContext, webUi.configSchema.parse({})).routes;
}

export async function serveAgent(
  agent: AgentView,
  {
    prefix = '',
    endpoints = {},
    logger = SILENT,
    web = {},
  }: { prefix?: string; endpoints?: Endpoint['routes']; logger?: Logger; web?: Partial<WebConfig> } = {},
): Promise<Served> {
  const faults: string[] = [];
  const server = httpServer(
    {
      apiVersions: apiVersions(agent, logger),
      endpoints: [{ id: 'fixed', instance: { routes: endpoints } }],
      guard: noteFaults(faults),
      logger,
    },
    { urlBasePrefix: prefix, requestTimeout: 10_000, ...web },
  );
  const [url] = await server.start();
  return { url: url!, server, faults };
}

export interface Received {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Sends a request target as it is: `fetch` would clean it first. @throws when the connection closes without an answer */
export function send(
  url: string,
  path: string,
  method = 'GET',
  body?: string,
  more: Readonly<Record<string, string>> = {},
): Promise<Received> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    // Node sends the body of a GET without its length.
    const headers = { ...more, ...(body !== undefined && { 'Content-Length': Buffer.byteLength(body) }) };
    const outgoing = httpRequest({ hostname, port, path, method, headers }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.once('error', reject);
      incoming.once('end', () =>
        resolve({
          status: incoming.statusCode!,
          headers: incoming.headers,
          body: Buffer.concat(chunks).toString('utf8'),
        }),
      );
    });
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}
