import { definePlugin, PLUGIN_API_VERSION } from '../../kernel/contracts/index.js';
import { requestTypesV20, validator } from './request-types.js';

export { containersHandler, requestTypesV20, validator } from './request-types.js';
export { PART, partsOf, RatedSamples, type SamplePrinter } from './samples.js';

const operations = async () => (await import('./operations.js')).operationsV20;

export default definePlugin({
  kind: 'api-version',
  name: 'api-v2.0',
  apiVersion: PLUGIN_API_VERSION,
  description:
    'REST API v2.0: containers by name or alias, their specs, samples, summaries and processes, and the machine.',
  create: (context) => ({
    version: 'v2.0',
    validate: validator(context.agent),
    requestTypes: requestTypesV20(context),
    operations,
  }),
});
