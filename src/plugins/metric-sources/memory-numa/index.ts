import {
  type Absent,
  definePlugin,
  type LinuxHost,
  type MetricSource,
  PLUGIN_API_VERSION,
  type Probe,
  z,
} from '../../../kernel/contracts/index.js';
import { PartsProbe, TablePart, TableShapes, withoutController } from '../common/index.js';
import { findNumaCellsV1, findNumaCellsV2 } from './cells.js';
import { numaFields } from './fields.js';
import { readPageSize } from './page-size.js';

/** The `memory_numa` source. */
export function createMemoryNumaSource(host: LinuxHost): MetricSource {
  let pageSize = 0;
  const shapes = new TableShapes();
  return {
    fields: [...numaFields.values()],
    part: 'memory',
    start() {
      pageSize = readPageSize(host);
    },
    attach({ cgroup, ...target }): Probe | Absent {
      const file = cgroup.file('memory', 'memory.numa_stat');
      if (file === undefined) {
        if (cgroup.directory('memory') === undefined || !target.isRoot)
          return withoutController({ cgroup, ...target }, 'memory');
        return { absent: 'the kernel counts no memory by node (CONFIG_NUMA is off)', expected: true };
      }
      const table =
        cgroup.version === 1
          ? new TablePart(file, findNumaCellsV1, shapes)
          : new TablePart(file, findNumaCellsV2, shapes, 1 / pageSize);
      table.prepare();
      return new PartsProbe([table], { skipWhenIdle: true });
    },
  };
}

export default definePlugin({
  kind: 'metric-source',
  name: 'memory_numa',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Memory of each container by NUMA node.',
  configSchema: z.strictObject({}),
  create: (context) => createMemoryNumaSource(context.linux),
});
