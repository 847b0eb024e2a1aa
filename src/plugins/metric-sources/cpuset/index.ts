import { type Column, definePlugin, PLUGIN_API_VERSION } from '../../../kernel/contracts/index.js';
import { gauge, PartsProbe, ValuePart, withoutController } from '../common/index.js';

export const fields = {
  memoryMigrate: gauge('cpuset.memory_migrate', 'count', {
    help: '1 when pages follow the container to the nodes it is moved to, else 0.',
    source: { v1: 'cpuset.memory_migrate' },
  }),
};

const COLUMNS: readonly [Column] = [{ field: fields.memoryMigrate }];

export default definePlugin({
  kind: 'metric-source',
  name: 'cpuset',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Whether the memory of each container follows it from node to node (cgroup v1 only).',
  create: () => ({
    fields: Object.values(fields),
    part: 'cpu',
    attach(target) {
      if (target.cgroup.version === 2) return { absent: 'cgroup v2 always migrates pages', expected: true };
      const file = target.cgroup.value('cpuset', 'cpuset.memory_migrate');
      if (file === undefined) return withoutController(target, 'cpuset');
      return new PartsProbe([new ValuePart(COLUMNS, file)], { skipWhenIdle: true });
    },
  }),
});
