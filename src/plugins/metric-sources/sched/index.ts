import { readdirSync } from 'node:fs';
import {
  type Absent,
  definePlugin,
  type LinuxHost,
  type MetricSource,
  PLUGIN_API_VERSION,
  type Probe,
  z,
} from '../../../kernel/contracts/index.js';
import { withoutController } from '../common/index.js';
import { schedFields as fields } from './fields.js';
import { SchedProbe } from './probe.js';

/** All processes: one directory instead of every cgroup of the machine. */
function processesOf(host: LinuxHost): number[] {
  return readdirSync(host.paths.proc)
    .map(Number)
    .filter((pid) => pid > 0);
}

/** The `sched` source. */
export function createSchedSource(host: LinuxHost): MetricSource {
  return {
    fields: Object.values(fields),
    part: 'cpu',
    attach(target): Probe | Absent {
      if (host.procText('self/schedstat') === undefined)
        return {
          absent: 'the kernel gives no /proc/<pid>/schedstat (CONFIG_SCHED_INFO is off)',
          expected: !target.isRoot,
        };
      const { cgroup } = target;
      if (target.isRoot) return new SchedProbe(() => processesOf(host), host);
      const directory = cgroup.directory('cpu') ?? cgroup.directory('memory') ?? cgroup.directory('pids');
      return directory === undefined
        ? withoutController(target, 'cpu')
        : new SchedProbe(() => cgroup.pidsBelow(), host);
    },
  };
}

export default definePlugin({
  kind: 'metric-source',
  name: 'sched',
  apiVersion: PLUGIN_API_VERSION,
  description: 'How long the processes of each container ran and waited for a CPU, as the scheduler counts it.',
  configSchema: z.strictObject({}),
  create: (context) => createSchedSource(context.linux),
});
