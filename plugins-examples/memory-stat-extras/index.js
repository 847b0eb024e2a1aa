import { definePlugin, z } from 'tallyman/plugin';

/** Lines of memory.stat that both cgroup versions have under these names, and what they say. */
const LINES = {
  unevictable: 'Memory that cannot be reclaimed: locked by mlock, or of a RAM disk.',
  shmem: 'Shared memory and tmpfs pages of the container.',
};

/** @type {Readonly<Record<string, import('tallyman/plugin').FieldDescriptor>>} */
const fields = Object.fromEntries(
  Object.entries(LINES).map(([line, help]) => [
    line,
    {
      name: `memory.extras.${line}`,
      unit: 'bytes',
      kind: 'gauge',
      help,
      source: { v1: `memory.stat: ${line}`, v2: `memory.stat: ${line}` },
    },
  ]),
);

/**
 * Binds the wanted lines of a container's memory.stat to columns, in the order of `lines`.
 * @param {import('tallyman/plugin').ProbeTarget} target
 * @param {readonly string[]} lines
 * @returns {import('tallyman/plugin').Probe | import('tallyman/plugin').Absent}
 */
function attach({ cgroup }, lines) {
  const file = cgroup.keyed('memory', 'memory.stat', lines);
  if (file === undefined) return { absent: 'the container has no memory controller', expected: true };
  return {
    columns: lines.map((line) => ({ field: fields[line] })),
    skipWhenIdle: true,
    sample(row) {
      if (!file.read()) return file.failure === 'ENODEV' || file.failure === 'ENOENT' ? 'ended' : 'ok';
      for (let i = 0; i < lines.length; i++) row.setExact(i, file.values[i], file.residuals[i]);
      return 'ok';
    },
    close: () => file.close(),
  };
}

export default definePlugin({
  kind: 'metric-source',
  name: 'memory-stat-extras',
  apiVersion: 1,
  version: '1.0.0',
  description: 'Lines of memory.stat that the built-in memory source leaves out.',
  configSchema: z.strictObject({
    lines: z
      .array(z.enum(Object.keys(LINES)))
      .min(1)
      .default(Object.keys(LINES))
      .describe('Which lines to read.'),
  }),
  create: (_context, { lines }) => ({
    fields: lines.map((line) => fields[line]),
    part: 'memory',
    attach: (target) => attach(target, lines),
  }),
});
