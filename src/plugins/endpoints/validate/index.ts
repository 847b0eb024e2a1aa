import {
  type Answer,
  definePlugin,
  type OperationInfo,
  PLUGIN_API_VERSION,
  type PluginContext,
  z,
} from '../../../kernel/contracts/index.js';
import { gatherFacts } from './facts.js';
import { reportText } from './report.js';

async function answer(context: PluginContext): Promise<Answer> {
  const text = reportText(await gatherFacts(context));
  return { contentType: 'text/plain; charset=utf-8', body: (out) => out.text(text) };
}

async function operations(): Promise<Record<string, OperationInfo>> {
  const response = z.string();
  return {
    '/validate/': { summary: 'What of this host can be used.', response, contentType: 'text/plain', errors: {} },
  };
}

export default definePlugin({
  kind: 'endpoint',
  name: 'validate',
  apiVersion: PLUGIN_API_VERSION,
  description: 'A report in words: what of this host the agent can use, what it watches, which containers it has.',
  create: (context) => ({ routes: { '/validate/': () => answer(context) }, operations }),
});
