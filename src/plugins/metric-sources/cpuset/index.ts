import {
  type Absent,
  definePlugin,
  type FieldDescriptor,
  type MetricSource,
  PLUGIN_API_VERSION,
  type Probe,
  z,
} from '../../../kernel/contracts/index.js';
import { PartsProbe, ValuePart, withoutController } from '../common/index.js';

/** Fields of the `cpuset` source. */
export const fields = {
  memoryMigrate: {
    name: 'cpuset.memory_migrate',
    unit: 'count',
    kind: 'gauge',
    help: '1 when pages follow the container to the nodes it is moved to, else 0.',
    source: { v1: 'cpuset.memory_migrate' },
  },
} as const satisfies Record<string, FieldDescriptor>;

/** The `cpuset` source. */
export function createCpusetSource(): MetricSource {
  return {
    fields: Object.values(fields),
    part: 'cpu',
    attach(target): Probe | Absent {
      if (target.cgroup.version === 2) return { absent: 'cgroup v2 always migrates pages', expected: true };
      const file = target.cgroup.value('cpuset', 'cpuset.memory_migrate');
      if (file === undefined) return withoutController(target, 'cpuset');
      return new PartsProbe([new ValuePart({ field: fields.memoryMigrate }, file)], { skipWhenIdle: true });
    },
  };
}

export default definePlugin({
  kind: 'metric-source',
  name: 'cpuset',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Whether the memory of each container follows it from node to node (cgroup v1 only).',
  configSchema: z.strictObject({}),
  create: createCpusetSource,
});
