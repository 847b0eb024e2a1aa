import { definePlugin, type MetricSource, PLUGIN_API_VERSION, z } from '../../../kernel/contracts/index.js';
import { createFamilySource, type ProcessContext } from '../common/index.js';
import { udpFields } from './fields.js';
import { QueuePart } from './queues.js';

/** The `udp` source. */
export function createUdpSource(context: ProcessContext): MetricSource {
  const families = [
    { file: 'udp', fields: udpFields.udp },
    { file: 'udp6', fields: udpFields.udp6 },
  ];
  return createFamilySource(context, families, (source, fields) => new QueuePart(source, fields));
}

export default definePlugin({
  kind: 'metric-source',
  name: 'udp',
  apiVersion: PLUGIN_API_VERSION,
  description: 'UDP sockets of each container, their queues and drops.',
  configSchema: z.strictObject({}),
  create: createUdpSource,
});
