import {
  type Absent,
  definePlugin,
  type MetricSource,
  PLUGIN_API_VERSION,
  type Probe,
  z,
} from '../../../kernel/contracts/index.js';
import { type ProcessContext, withoutController } from '../common/index.js';
import { cpuLoadFields as fields } from './fields.js';
import { CpuLoadProbe } from './probe.js';

const TASKS_FILE = { 1: 'tasks', 2: 'cgroup.threads' } as const;

/** The `cpuLoad` source. Not skipped when idle: a container whose tasks all wait for a disk uses no CPU. */
export function createCpuLoadSource({ clock, linux }: ProcessContext): MetricSource {
  return {
    fields: Object.values(fields),
    part: 'cpu',
    attach(target): Probe | Absent {
      const tasks = target.cgroup.file('cpu', TASKS_FILE[target.cgroup.version]);
      return tasks === undefined ? withoutController(target, 'cpu') : new CpuLoadProbe(tasks, linux, clock);
    },
  };
}

export default definePlugin({
  kind: 'metric-source',
  name: 'cpuLoad',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Load average and task states of each container.',
  configSchema: z.strictObject({}),
  create: createCpuLoadSource,
});
