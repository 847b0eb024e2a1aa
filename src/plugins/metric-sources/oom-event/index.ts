import { definePlugin, duration, PLUGIN_API_VERSION, z } from '../../../kernel/contracts/index.js';
import {
  counter,
  FreshRead,
  KeyedColumns,
  KeyedPart,
  PacedPart,
  PartsProbe,
  withoutController,
} from '../common/index.js';

export const fields = {
  kills: counter('oom.kills', 'count', {
    help: 'Processes of the container that the kernel killed for lack of memory; on cgroup v2 also those below it.',
    source: { v1: 'memory.oom_control: oom_kill (Linux 4.13)', v2: 'memory.events: oom_kill (Linux 4.13)' },
    role: 'oom-kills',
  }),
};

const FILE = { 1: 'memory.oom_control', 2: 'memory.events' } as const;
const KILLS = new KeyedColumns([{ key: 'oom_kill', column: { field: fields.kills }, since: 'Linux 4.13' }]);

const configSchema = z.strictObject({
  interval: duration()
    .prefault('5s')
    .describe(
      'How often the count is read: kills are rare, and their file is one more per sample. 0s: at each sample.',
    ),
});

export default definePlugin({
  kind: 'metric-source',
  name: 'oom_event',
  apiVersion: PLUGIN_API_VERSION,
  description: 'How many processes of each container were killed for lack of memory.',
  configSchema,
  create({ clock }, options) {
    const fresh = new FreshRead(clock);
    return {
      fields: Object.values(fields),
      part: 'memory',
      attach(target) {
        const { cgroup } = target;
        const part = KeyedPart.open(cgroup, 'memory', FILE[cgroup.version], KILLS, fresh);
        if (part === undefined) return withoutController(target, 'memory');
        const paced = new PacedPart(part, options.interval, clock);
        return new PartsProbe([paced], { skipWhenIdle: true, standsWhenIdle: true, missing: part.missing });
      },
    };
  },
});
