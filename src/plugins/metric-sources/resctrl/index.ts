import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Absent,
  definePlugin,
  duration,
  type MetricSource,
  messageOf,
  PLUGIN_API_VERSION,
  type Probe,
  type ProbeTarget,
  z,
} from '../../../kernel/contracts/index.js';
import { type Missing, PartsProbe, type ProcessContext } from '../common/index.js';
import { CounterFile } from './counter-file.js';
import { resctrlFields as fields } from './fields.js';
import { MonitoringGroup } from './monitoring-group.js';

const configSchema = z.strictObject({
  updateInterval: duration()
    .prefault('0s')
    .describe(
      'How often processes that came into a container from elsewhere are looked for; its own children need no looking. 0s: never.',
    ),
});

type ResctrlOptions = z.output<typeof configSchema>;

interface Counters {
  readonly files: CounterFile[];
  readonly missing: Missing[];
}

/** Opens the counters of a group: one directory per last-level cache, one file per number that the processor counts. */
export function openCounters(group: string): Counters {
  const files: CounterFile[] = [];
  const missing: Missing[] = [];
  const caches = namesIn(join(group, 'mon_data')).filter((name) => /^mon_L3_\d+$/.test(name));
  for (const [name, field] of Object.entries(fields)) {
    for (const [index, cache] of caches.sort().entries()) {
      try {
        files.push(new CounterFile(join(group, 'mon_data', cache, name), { field, labels: [String(index)] }));
      } catch (error) {
        missing.push({
          what: `${field.name}{${index}}`,
          reason: `the processor does not count it: ${messageOf(error)}`,
        });
      }
    }
  }
  return { files, missing };
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** A container's counters, and the group that they are counted in. */
function probeOf(target: ProbeTarget, root: string, context: ProcessContext, options: ResctrlOptions): Probe | Absent {
  const { cgroup } = target;
  if (!target.isRoot && cgroup.pidsBelow().length === 0) return { absent: 'it has no processes', expected: true };
  const group = target.isRoot ? undefined : MonitoringGroup.create(root, target.name);
  const { proc } = context.linux.paths;
  group?.take(proc, cgroup.pidsBelow());
  const { files, missing } = openCounters(group?.directory ?? root);
  if (files.length === 0) {
    group?.remove();
    return { absent: `no number of ${group?.directory ?? root} can be read` };
  }
  let takenAt = context.clock.monotonic();
  const probe = new PartsProbe(files, {
    missing,
    beforeSample() {
      const now = context.clock.monotonic();
      if (options.updateInterval > 0 && now - takenAt >= options.updateInterval) {
        takenAt = now;
        group?.take(proc, cgroup.pidsBelow());
      }
      return true;
    },
  });
  const close = probe.close.bind(probe);
  probe.close = () => {
    close();
    group?.remove();
  };
  return probe;
}

/** The `resctrl` source. */
export function createResctrlSource(context: ProcessContext, options: ResctrlOptions): MetricSource {
  return {
    fields: Object.values(fields),
    part: 'other',
    attach(target): Probe | Absent {
      const root = join(context.linux.paths.sys, 'fs/resctrl');
      if (namesIn(join(root, 'mon_data')).length === 0) {
        const absent =
          'no monitoring in /sys/fs/resctrl; the processor must have it, then: mount -t resctrl resctrl /sys/fs/resctrl';
        return { absent, expected: !target.isRoot };
      }
      try {
        return probeOf(target, root, context, options);
      } catch (error) {
        return { absent: messageOf(error) };
      }
    },
  };
}

export default definePlugin({
  kind: 'metric-source',
  name: 'resctrl',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Last-level cache and memory bandwidth of each container, where the processor counts them.',
  configSchema,
  create: createResctrlSource,
});
