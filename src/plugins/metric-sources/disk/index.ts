import {
  type Absent,
  definePlugin,
  type LinuxHost,
  type MetricSource,
  PLUGIN_API_VERSION,
  type Probe,
  z,
} from '../../../kernel/contracts/index.js';
import { counterFields, usageFields } from './fields.js';
import { MachineFilesystemsProbe } from './probe.js';

/** The `disk` source. */
export function createDiskSource(host: LinuxHost): MetricSource {
  return {
    fields: [...usageFields, ...counterFields.map(({ field }) => field)],
    part: 'filesystem',
    attach(target): Probe | Absent {
      if (target.isRoot) return new MachineFilesystemsProbe(host);
      return { absent: 'it has no filesystem of its own', expected: true };
    },
  };
}

export default definePlugin({
  kind: 'metric-source',
  name: 'disk',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Space, inodes and disk counters of the machine’s filesystems.',
  configSchema: z.strictObject({}),
  create: (context) => createDiskSource(context.linux),
});
