import { definePlugin, z } from 'tallyman/plugin';
import { overview, overviewInfo } from './overview.js';

/** @type {import('tallyman/plugin').OperationInfo} */
const versionInfo = {
  summary: 'Versions of the agent and of this API.',
  response: z.strictObject({ agent: z.string(), api: z.string(), extends: z.string() }),
  errors: {},
};

export default definePlugin({
  kind: 'api-version',
  name: 'api-v3.0-demo',
  apiVersion: 1,
  version: '1.0.0',
  description: 'REST API v3.0-demo: everything of v2.1, and an overview of what every container uses now.',
  create: ({ agent }) => ({
    version: 'v3.0-demo',
    extends: 'v2.1',
    requestTypes: {
      overview: overview(agent),
      // v2.1 has one too; here it is another.
      version: () => ({ body: (out) => out.json({ agent: agent.version, api: 'v3.0-demo', extends: 'v2.1' }) }),
    },
    operations: async () => ({ overview: overviewInfo, version: versionInfo }),
  }),
});
