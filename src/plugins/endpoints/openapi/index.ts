import { type AgentView, type Answer, definePlugin, PLUGIN_API_VERSION, z } from '../../../kernel/contracts/index.js';
import { openApiDocument } from './document.js';

/** Serves the document, which is cached until the served operations change. */
function documentRoute(agent: AgentView, server: string): () => Promise<Answer> {
  let made: { readonly of: string; readonly text: string } | undefined;
  return async () => {
    const operations = await agent.operations();
    const of = operations.map(({ path, plugin }) => `${plugin} ${path}`).join('\n');
    if (made?.of !== of) made = { of, text: JSON.stringify(openApiDocument(operations, agent.version, server)) };
    const { text } = made;
    return { body: (out) => out.text(text) };
  };
}

const response = z.looseObject({ openapi: z.string() });

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
  create: ({ agent }, { server }) => ({
    routes: { '/api/openapi.json': documentRoute(agent, server) },
    operations: async () => ({
      '/api/openapi.json': { summary: 'This description, OpenAPI 3.1.', response, errors: {} },
    }),
  }),
});
