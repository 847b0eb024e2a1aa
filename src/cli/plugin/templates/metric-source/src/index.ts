import {
  type Absent,
  definePlugin,
  type FieldDescriptor,
  isGone,
  type Probe,
  type ProbeTarget,
  z,
} from 'tallyman/plugin';

/** What is measured. In `/metrics` it is `container_template_name_unevictable_bytes`. */
const UNEVICTABLE: FieldDescriptor = {
  name: 'template_name.unevictable',
  unit: 'bytes',
  kind: 'gauge',
  help: 'Memory that cannot be reclaimed: locked by mlock, or of a RAM disk.',
  source: { v1: 'memory.stat: unevictable', v2: 'memory.stat: unevictable' },
};

/** The lines to read, and the columns they become: index i of the one belongs to index i of the other. */
const LINES = ['unevictable'];
const COLUMNS = [{ field: UNEVICTABLE }];

/** Binds the source to one container. */
function attach({ isRoot, cgroup }: ProbeTarget, measuresMachine: boolean): Probe | Absent {
  if (isRoot && !measuresMachine) return { absent: 'option `machine` is false', expected: true };
  const file = cgroup.keyed('memory', 'memory.stat', LINES);
  if (file === undefined) return { absent: 'the container has no memory controller', expected: true };
  return {
    columns: COLUMNS,
    skipWhenIdle: true,
    // Called for every sample of every container: it makes no objects, strings or promises.
    sample(row) {
      if (!file.read()) return isGone(file.failure) ? 'ended' : 'ok';
      for (let i = 0; i < LINES.length; i++) row.setExact(i, file.values[i]!, file.residuals[i]!);
      return 'ok';
    },
    close: () => file.close(),
  };
}

export default definePlugin({
  kind: 'metric-source',
  name: 'template-name',
  apiVersion: 1,
  version: '0.1.0',
  description: 'Memory of containers that cannot be reclaimed.',
  configSchema: z.strictObject({
    machine: z.boolean().default(true).describe('Measure the machine, container `/`, too.'),
  }),
  create: (_context, { machine }) => ({
    fields: [UNEVICTABLE],
    part: 'memory',
    attach: (target) => attach(target, machine),
  }),
});
