import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import {
  type Absent,
  definePlugin,
  duration,
  type MetricSource,
  PLUGIN_API_VERSION,
  type Probe,
  z,
} from '../../../kernel/contracts/index.js';
import { type Missing, PacedPart, PartsProbe, type ProcessContext, withoutController } from '../common/index.js';
import { referencedFields as fields } from './fields.js';
import { ReferencedPart } from './referenced.js';

const configSchema = z.strictObject({
  interval: duration()
    .prefault('1m')
    .describe('How often memory is measured: the kernel walks all pages of all processes for it. 0s: at each sample.'),
  resetAfter: z
    .int()
    .min(0)
    .default(0)
    .describe(
      'Measurements after which the marks are cleared, so that only memory that is used again counts; 0: never. Clearing slows the processes down for a moment and makes the kernel think that the memory is not in use.',
    ),
});

type ReferencedOptions = z.output<typeof configSchema>;

/** Whether other users' processes may be looked into; the first process is one. */
function missingAccess(proc: string): Missing[] {
  try {
    accessSync(join(proc, '1/smaps'), constants.R_OK);
    return [];
  } catch {
    const reason = 'processes of other users may not be looked into; the agent needs CAP_SYS_PTRACE';
    return [{ what: fields.referenced.name, reason }];
  }
}

/** The `referenced_memory` source. */
export function createReferencedMemorySource(context: ProcessContext, options: ReferencedOptions): MetricSource {
  const { linux, clock } = context;
  return {
    fields: Object.values(fields),
    part: 'other',
    attach(target): Probe | Absent {
      const { cgroup } = target;
      if (cgroup.directory('cpu') === undefined && cgroup.directory('memory') === undefined)
        return withoutController(target, 'memory');
      const part = new ReferencedPart(() => cgroup.pids(), linux, options.resetAfter);
      return new PartsProbe([new PacedPart(part, options.interval, clock)], {
        missing: missingAccess(linux.paths.proc),
      });
    },
  };
}

export default definePlugin({
  kind: 'metric-source',
  name: 'referenced_memory',
  apiVersion: PLUGIN_API_VERSION,
  description: 'Memory that the processes of each container touched lately.',
  configSchema,
  create: createReferencedMemorySource,
});
