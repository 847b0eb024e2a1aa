import { definePlugin, PLUGIN_API_VERSION } from '../../kernel/contracts/index.js';
import { ContainerInfoWriter } from './container-info.js';
import { requestTypesV10 } from './request-types.js';

export { ContainerInfoWriter, hasSamples, requireSamples } from './container-info.js';
export { CustomMetricsWriter } from './custom-metrics.js';
export { stringList } from './json.js';
export { machineJson } from './machine.js';
export { type ContainerQuery, containerQuery } from './query.js';
export { explain, json, listAnswer, mapAnswer, type RequestTypes, requestTypesV10 } from './request-types.js';
export { NO_COLUMNS, PerLayout, type RowPrinter, RowPrinterBuilder } from './row-printer.js';
export { newCursor, otherFields, SamplesV1 } from './sample.js';
export * as sections from './sections/index.js';
export { SpecWriter } from './spec.js';
export { parseTime } from './time.js';

const operations = async () => (await import('./operations.js')).operationsV10;

export default definePlugin({
  kind: 'api-version',
  name: 'api-v1.0',
  apiVersion: PLUGIN_API_VERSION,
  description: 'REST API v1.0: single containers by cgroup path, and the machine.',
  create: ({ agent }) => ({
    version: 'v1.0',
    requestTypes: requestTypesV10(agent, new ContainerInfoWriter()),
    operations,
  }),
});
