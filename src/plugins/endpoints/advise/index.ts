import { definePlugin, type OperationInfo, PLUGIN_API_VERSION } from '../../../kernel/contracts/index.js';
import { jsonAnswer } from '../common/index.js';
import { containerAnswer, hostAnswer } from './advice.js';

async function operations(): Promise<Record<string, OperationInfo>> {
  const { containerAdvice, hostAdvice } = await import('./schema.js');
  return {
    '/api/advise': {
      summary: 'Limits for all containers, those with the most to change first.',
      response: hostAdvice,
      errors: {},
    },
    '/api/advise/': {
      summary: 'Limits and requests for a container, from what it used in the last day.',
      rest: { name: 'container', description: 'Absolute name, alias, id or unit.', required: true },
      response: containerAdvice,
    },
  };
}

export { containerAnswer } from './advice.js';

export default definePlugin({
  kind: 'endpoint',
  name: 'advise',
  apiVersion: PLUGIN_API_VERSION,
  description: 'CPU and memory limits for containers from what they used, as `tallyman advise` shows them.',
  create: ({ agent }) => ({
    routes: {
      '/api/advise': () => jsonAnswer(hostAnswer(agent)),
      '/api/advise/': ({ args }) => jsonAnswer(containerAnswer(agent, args.join('/') || '/')),
    },
    operations,
  }),
});
