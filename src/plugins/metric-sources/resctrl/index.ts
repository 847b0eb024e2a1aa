import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { ByteScanner } from '../../../kernel/contracts/bytes/index.js';
import {
  type Absent,
  type Column,
  codeOf,
  definePlugin,
  duration,
  isGone,
  messageOf,
  PLUGIN_API_VERSION,
  type Probe,
  type ProbeTarget,
  type RowWriter,
  readNames,
  z,
} from '../../../kernel/contracts/index.js';
import {
  counter,
  gauge,
  type Missing,
  type Part,
  type PartOutcome,
  PartsProbe,
  type ProcessContext,
} from '../common/index.js';
import { MonitoringGroup } from './monitoring-group.js';

/** Fields of the `resctrl` source, by the file that has the number. */
export const fields = {
  llc_occupancy: gauge('resctrl.llc_occupancy', 'bytes', {
    help: 'Last-level cache that the container occupies.',
    source: { any: 'mon_data/mon_L3_<n>/llc_occupancy' },
    dimensions: ['node_id'],
  }),
  mbm_total_bytes: counter('resctrl.memory_bandwidth.total', 'bytes', {
    help: 'Bytes that the container moved between this cache and memory.',
    source: { any: 'mon_data/mon_L3_<n>/mbm_total_bytes' },
    dimensions: ['node_id'],
  }),
  mbm_local_bytes: counter('resctrl.memory_bandwidth.local', 'bytes', {
    help: 'Bytes of it that were moved to and from memory of the same node.',
    source: { any: 'mon_data/mon_L3_<n>/mbm_local_bytes' },
    dimensions: ['node_id'],
  }),
};

const MAX_BYTES = 64;

/** A file of `/sys/fs/resctrl` with one number, or `Unavailable` while the hardware has none. */
export class CounterFile implements Part {
  readonly columns: readonly Column[];
  private readonly descriptor: number;
  private readonly buffer = Buffer.alloc(MAX_BYTES);
  private readonly scanner = new ByteScanner();

  /** @throws the error of open(2) */
  constructor(path: string, column: Column) {
    this.columns = [column];
    this.descriptor = openSync(path, 'r');
  }

  sample(row: RowWriter, base: number): PartOutcome {
    const { buffer, scanner } = this;
    let length: number;
    try {
      length = readSync(this.descriptor, buffer, 0, MAX_BYTES, 0);
    } catch (error) {
      return isGone(codeOf(error)) ? 'gone' : 'ok';
    }
    scanner.reset(buffer, length);
    if (scanner.integer() && scanner.value >= 0) row.setExact(base, scanner.value, scanner.residual);
    return 'ok';
  }

  close(): void {
    closeSync(this.descriptor);
  }
}

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

/** Opens the counters of a group: one directory per last-level cache, one file per counter of the processor. */
export function openCounters(group: string): Counters {
  const files: CounterFile[] = [];
  const missing: Missing[] = [];
  const caches = readNames(join(group, 'mon_data')).filter((name) => /^mon_L3_\d+$/.test(name));
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

/** Creates the monitoring group of a container and opens its counters. */
function probeOf(target: ProbeTarget, root: string, context: ProcessContext, options: ResctrlOptions): Probe | Absent {
  const { cgroup } = target;
  if (!target.isRoot && cgroup.pidsBelow().length === 0) return { absent: 'it has no processes', expected: true };
  const group = target.isRoot ? undefined : MonitoringGroup.create(root, target.name);
  const { proc } = context.linux.paths;
  group?.addThreads(proc, cgroup.pidsBelow());
  const { files, missing } = openCounters(group?.directory ?? root);
  if (files.length === 0) {
    group?.remove();
    return { absent: `no number of ${group?.directory ?? root} can be read` };
  }
  let movedAt = context.clock.monotonic();
  const probe = new PartsProbe(files, {
    missing,
    beforeSample() {
      const now = context.clock.monotonic();
      if (options.updateInterval > 0 && now - movedAt >= options.updateInterval) {
        movedAt = now;
        group?.addThreads(proc, cgroup.pidsBelow());
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

export default definePlugin({
  kind: 'metric-source',
  name: 'resctrl',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Last-level cache and memory bandwidth of each container, where the processor counts them.',
  configSchema,
  create: (context, options) => ({
    fields: Object.values(fields),
    part: 'other',
    attach(target) {
      const root = join(context.linux.paths.sys, 'fs/resctrl');
      if (readNames(join(root, 'mon_data')).length === 0) {
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
  }),
});
