import { definePlugin, type OperationInfo, PLUGIN_API_VERSION, z } from '../../../kernel/contracts/index.js';
import { jsonAnswer } from '../common/index.js';
import { briefAnswer, containerAnswer, hostAnswer } from './answer.js';
import { RULES } from './rules/index.js';

const configSchema = z.strictObject({
  disabled: z
    .array(z.enum(RULES.map(({ id }) => id)))
    .default([])
    .describe('Rules of this plugin that are not applied.'),
});

async function operations(): Promise<Record<string, OperationInfo>> {
  const { briefWhy, containerWhy, hostWhy } = await import('./schema.js');
  return {
    '/api/why': {
      summary: 'The three worst things that are wrong on the host.',
      query: { brief: z.enum(['true', 'false']).optional().describe('`true`: the worst of each container, in short.') },
      response: z.union([hostWhy, briefWhy]),
      errors: {},
    },
    '/api/why/': {
      summary: 'What is wrong with a container, the worst first.',
      rest: { name: 'container', description: 'Absolute name, alias, id or unit; nothing for the machine.' },
      response: containerWhy,
    },
  };
}

export { briefAnswer } from './answer.js';

export default definePlugin({
  kind: 'endpoint',
  name: 'why',
  apiVersion: PLUGIN_API_VERSION,
  description: 'What is wrong with containers, with evidence and what mends it, as `tallyman why` shows it.',
  configSchema,
  create: ({ agent }, { disabled }) => ({
    rules: RULES.filter(({ id }) => !disabled.includes(id)),
    routes: {
      '/api/why': ({ query }) => jsonAnswer(query.get('brief') === 'true' ? briefAnswer(agent) : hostAnswer(agent)),
      '/api/why/': async ({ args }) => jsonAnswer(await containerAnswer(agent, args.join('/') || '/')),
    },
    operations,
  }),
});
