import { definePlugin, type MetricSource, PLUGIN_API_VERSION, z } from '../../../kernel/contracts/index.js';
import { createFamilySource, type ProcessContext } from '../common/index.js';
import { tcpFields } from './fields.js';
import { StateCountPart } from './state-counts.js';

/** The `tcp` source. */
export function createTcpSource(context: ProcessContext): MetricSource {
  const families = [
    { file: 'tcp', fields: tcpFields.tcp },
    { file: 'tcp6', fields: tcpFields.tcp6 },
  ];
  return createFamilySource(context, families, (source, fields) => new StateCountPart(source, fields));
}

export default definePlugin({
  kind: 'metric-source',
  name: 'tcp',
  apiVersion: PLUGIN_API_VERSION,
  description: 'TCP sockets of each container by state.',
  configSchema: z.strictObject({}),
  create: createTcpSource,
});
