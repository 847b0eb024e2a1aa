import {
  type Absent,
  definePlugin,
  duration,
  type LinuxHost,
  type MetricSource,
  PLUGIN_API_VERSION,
  type PluginContext,
  type Probe,
  z,
} from '../../../kernel/contracts/index.js';
import { counterFields, layerFields, usageFields } from './fields.js';
import { LayerProbe, Layers } from './layer-usage.js';
import { MachineFilesystemsProbe } from './probe.js';
import { WalkerPool } from './walker-pool.js';

const configSchema = z.strictObject({
  containers: z.boolean().default(true).describe('Measure what each container’s own files take up.'),
  interval: duration().prefault('60s').describe('Pause between two measurements of a container, at least.'),
  longestInterval: duration()
    .prefault('20m')
    .describe('Pause at most: it grows with the time a measurement takes, and doubles after a failed one.'),
  parallel: z.int().min(1).max(20).default(2).describe('Measurements at the same time.'),
});

/** The `disk` source. @param layers the containers' writable layers; `undefined`: only the machine has filesystems */
export function createDiskSource(host: LinuxHost, layers: Layers | undefined): MetricSource {
  return {
    fields: [...new Set([...usageFields, ...layerFields]), ...counterFields.map(({ field }) => field)],
    part: 'filesystem',
    attach(target): Probe | Absent {
      if (target.isRoot) return new MachineFilesystemsProbe(host);
      const { storage } = target.description;
      if (layers === undefined || storage === undefined) {
        return { absent: 'it has no filesystem of its own', expected: true };
      }
      if (storage.writableLayer === undefined) return { absent: storage.reason ?? 'its writable layer is not known' };
      const { layer, release } = layers.take(storage);
      return new LayerProbe(host, layer, release);
    },
  };
}

export default definePlugin({
  kind: 'metric-source',
  name: 'disk',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Space, inodes and disk counters of the machine’s filesystems, and what each container’s files take up.',
  configSchema,
  create(context: PluginContext, options) {
    const pool = new WalkerPool(options.parallel, context.timers);
    const layers = options.containers ? new Layers({ ...context, ...options, pool }) : undefined;
    const stop = () => {
      layers?.close();
      return pool.close();
    };
    return { ...createDiskSource(context.linux, layers), stop };
  },
});
