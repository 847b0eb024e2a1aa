import {
  type AgentView,
  type Answer,
  definePlugin,
  type Endpoint,
  type OperationInfo,
  PLUGIN_API_VERSION,
  z,
} from '../../../kernel/contracts/index.js';
import { openApiDocument } from './document.js';

/** Serves the document, which is cached until the served operations change. */
class OpenApiEndpoint implements Endpoint {
  readonly routes: Endpoint['routes'] = { '/api/openapi.json': () => this.answer() };
  readonly operations = operations;
  private made: { readonly of: string; readonly text: string } | undefined;

  constructor(
    private readonly agent: AgentView,
    private readonly server: string,
  ) {}

  private async answer(): Promise<Answer> {
    const operations = await this.agent.operations();
    const of = operations.map(({ path, plugin }) => `${plugin} ${path}`).join('\n');
    if (this.made?.of !== of) {
      this.made = { of, text: JSON.stringify(openApiDocument(operations, this.agent.version, this.server)) };
    }
    const { text } = this.made;
    return { body: (out) => out.text(text) };
  }
}

async function operations(): Promise<Record<string, OperationInfo>> {
  const response = z.looseObject({ openapi: z.string() });
  return { '/api/openapi.json': { summary: 'This description, OpenAPI 3.1.', response, errors: {} } };
}

export default definePlugin({
  kind: 'endpoint',
  name: 'openapi',
  apiVersion: PLUGIN_API_VERSION,
  description: 'The OpenAPI 3.1 description of everything that is served.',
  configSchema: z.strictObject({
    server: z
      .string()
      .default('/')
      .describe('URL that paths are relative to, for clients beyond a proxy: `https://host/monitoring`.'),
  }),
  create: ({ agent }, { server }) => new OpenApiEndpoint(agent, server),
});
