import { type OnError, size, z } from '../contracts/index.js';
import { absolutePath, durationFrom, durationMeta, interval, sizeMeta } from './fields.js';
import { web } from './web-schema.js';

const housekeeping = z
  .strictObject({
    interval: interval(100, '100ms')
      .prefault('1s')
      .meta(durationMeta('Time between two samples of a container that is busy.')),
    maxInterval: interval(100, '100ms')
      .prefault('60s')
      .meta(
        durationMeta(
          'Longest time between two samples of an idle container. The same as `interval`: a fixed interval.',
        ),
      ),
    dynamic: z
      .boolean()
      .default(true)
      .describe('Sample a container whose usage stands still less often, from `interval` up to `maxInterval`.'),
    jitter: z
      .number()
      .min(0)
      .max(1)
      .default(0.1)
      .describe(
        'Share of the interval by which a sample may come later, at random, so that hosts do not beat in time.',
      ),
    idleRefresh: interval(0, '0')
      .prefault('10s')
      .meta(
        durationMeta(
          'An idle container is recognised by one or two reads; its other numbers are kept, for this long at most. `0` reads all of them for every sample.',
        ),
      ),
  })
  .refine((value) => value.maxInterval >= value.interval, {
    path: ['maxInterval'],
    error: 'expected at least housekeeping.interval; maxInterval is 60s where it is not set, so set both',
  });

const history = z.strictObject({
  duration: durationFrom(1000, '1s').prefault('2m').meta(durationMeta('How far back the samples in memory go.')),
});

const retention = z.strictObject({
  age: durationFrom(0, '0')
    .prefault('24h')
    .meta(durationMeta('How long an event is kept, counted from the newest one of its type.')),
  count: z
    .int()
    .min(-1)
    .default(100_000)
    .describe('How many are kept. `0`: none, only streams get them; `-1`: no limit.'),
});

const events = z.strictObject({
  containerCreation: retention.prefault({}).describe('Containers that appeared.'),
  containerDeletion: retention.prefault({}).describe('Containers that went.'),
  oom: retention.prefault({}).describe('Memory shortages, by the container of the killed process.'),
  oomKill: retention.prefault({}).describe('Killed processes, by the container whose limit was hit.'),
});

const appMetrics = z.strictObject({
  maxMetrics: z
    .int()
    .min(0)
    .default(100)
    .describe(
      'Distinct names of application metrics that are kept of a container. How many samples were left out is told in the log and by the API.',
    ),
  maxSeries: z
    .int()
    .min(0)
    .default(1000)
    .describe('Series (names with their labels) of application metrics that are kept of a container.'),
  maxTotalSeries: z
    .int()
    .min(0)
    .default(100_000)
    .describe(
      'The same of all containers together. Of this and the other totals each container gets what it needs, and those that want more than there is the same each.',
    ),
  maxTargets: z
    .int()
    .min(0)
    .default(20)
    .describe('Targets of a container that each plugin asks. Those of the configuration come before those of labels.'),
  maxTotalTargets: z.int().min(0).default(2_000).describe('Targets of all containers together.'),
  maxMemory: size()
    .prefault('4MiB')
    .meta(sizeMeta('Memory for names, labels and values of a container. The oldest values go first.')),
  maxTotalMemory: size().prefault('64MiB').meta(sizeMeta('The same of all containers together.')),
  maxRate: size()
    .refine((value) => value > 0, { error: 'expected more than 0' })
    .prefault('1MiB')
    .meta(sizeMeta('Bytes of answers read from a container per second. Targets that send more are asked less often.')),
  maxTotalRate: size()
    .refine((value) => value > 0, { error: 'expected more than 0' })
    .prefault('8MiB')
    .meta(sizeMeta('The same of all containers together.')),
  maxBodySize: size()
    .refine((value) => value >= 1024 && value <= 256 * 1024 * 1024, { error: 'expected 1KiB to 256MiB' })
    .prefault('4MiB')
    .meta(
      sizeMeta(
        'Size of an answer that application metrics are taken from, compressed or not; larger ones are refused. Answers of eight times this size are read at the same time.',
      ),
    ),
});

const discovery = z.strictObject({
  rescanInterval: interval(1000, '1s')
    .prefault('60s')
    .meta(durationMeta('How often the whole cgroup tree is walked, behind the kernel notifications.')),
});

const machine = z.strictObject({
  refreshInterval: interval(1000, '1s')
    .prefault('5m')
    .meta(durationMeta('How often the facts about the machine (memory, disks, network devices) are read again.')),
  machineIdFiles: z
    .array(absolutePath())
    .default(['/etc/machine-id', '/var/lib/dbus/machine-id'])
    .describe('Files that may hold the machine id, below `host.root`; the first readable one counts.'),
  bootIdFiles: z
    .array(absolutePath())
    .default(['/proc/sys/kernel/random/boot_id'])
    .describe('Files that may hold the boot id; the first readable one counts.'),
});

const host = z.strictObject({
  root: absolutePath()
    .optional()
    .meta({ description: "The host's root directory as the agent sees it. Without it `/`.", examples: ['/rootfs'] }),
  proc: absolutePath()
    .optional()
    .meta({ description: "The host's procfs. Without it `proc` below `root`.", examples: ['/rootfs/proc'] }),
  sys: absolutePath()
    .optional()
    .meta({ description: "The host's sysfs. Without it `sys` below `root`.", examples: ['/rootfs/sys'] }),
  cgroup: absolutePath()
    .optional()
    .meta({
      description: "The host's cgroup mount. Without it `fs/cgroup` below `sys`.",
      examples: ['/rootfs/sys/fs/cgroup'],
    }),
});

const perMinute = (standard: number, description: string) => z.int().min(0).default(standard).describe(description);

const log = z.strictObject({
  level: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .describe('The least important lines that are written.'),
  format: z
    .enum(['auto', 'json', 'pretty', 'journal'])
    .default('auto')
    .describe(
      '`json` writes one JSON object a line, `pretty` is for people, `journal` for journald, with its priorities; `auto` is `pretty` on a terminal, `journal` as a systemd service, else `json`.',
    ),
  limit: z
    .strictObject({
      alike: perMinute(
        20,
        'Lines a minute of one part of the agent that differ in numbers and ids only. `0`: no limit.',
      ),
      perPart: perMinute(300, 'Lines a minute of one part of the agent (`docker`, `http`, …). `0`: no limit.'),
    })
    .prefault({})
    .describe(
      'How much is written; one line then tells how many were left out. `debug` lines and `web.accessLog` have no limit.',
    ),
});

const ON_ERROR = ['fail', 'ignore', 'retry', 'probe'] as const satisfies readonly OnError[];

const pluginEntry = z.strictObject({
  use: z
    .string()
    .min(1)
    .meta({
      description:
        "What to load: a built-in's name, the name of an npm package, or a path relative to this file, of a module or of a package's folder.",
      examples: ['./my-plugin.js'],
    }),
  id: z
    .string()
    .regex(/^[\w@/.#:-]+$/, { error: 'expected a name of letters, digits and @ / . # : _ -' })
    .optional()
    .meta({
      description: 'Name of this instance. Without it the value of `use`; a second instance gets `#2` added.',
      examples: ['podman-of-alice'],
    }),
  enabled: z.boolean().default(true).describe('`false` takes the plugin out of the default list.'),
  with: z.record(z.string(), z.unknown()).default({}).describe("The plugin's own options."),
  onError: z
    .enum(ON_ERROR)
    .default('retry')
    .describe(
      'When it cannot start: `fail` ends the agent, `retry` tries again for ever, `ignore` goes on without it, `probe` too and without a warning.',
    ),
  startTimeout: interval(100, '100ms')
    .prefault('10s')
    .meta(durationMeta('Time that its module may take to load, and again its start.')),
  isolate: z
    .boolean()
    .default(false)
    .describe(
      'Run it in a process of its own, so that nothing it does harms the agent: endless loops, leaks, crashes. For `app-metrics` plugins.',
    ),
  memoryLimit: size()
    .refine((value) => value >= 32 * 1024 * 1024, { error: 'expected 32MiB or more' })
    .optional()
    .meta({
      ...sizeMeta('Memory that an isolated plugin may take (`128MiB`); above it, it is ended and started again.'),
      examples: ['256MiB'],
    }),
  timeLimit: interval(100, '100ms')
    .optional()
    .meta({
      ...durationMeta('Time for which an isolated plugin may block (`5s`); after it, it is ended and started again.'),
      examples: ['2s'],
    }),
});

/** The whole config file. What it prints as errors, editor completion, sample and option table all comes from here. */
export const agentConfigSchema = z.strictObject({
  $schema: z
    .string()
    .optional()
    .meta({
      description: 'Where editors find the JSON Schema of this file.',
      examples: ['./tallyman.schema.json'],
    }),
  web: web.prefault({}).describe('The HTTP server.'),
  housekeeping: housekeeping.prefault({}).describe('When samples are taken.'),
  history: history.prefault({}).describe('The samples kept in memory.'),
  events: events.prefault({}).describe('The events kept in memory, by type.'),
  appMetrics: appMetrics.prefault({}).describe('Metrics of the applications in the containers.'),
  discovery: discovery.prefault({}).describe('How containers are found.'),
  machine: machine.prefault({}).describe('Facts about the machine.'),
  host: host.prefault({}).describe("Where the host's kernel filesystems are, when the agent runs in a container."),
  log: log.prefault({}).describe('What the agent logs.'),
  plugins: z
    .array(pluginEntry)
    .default([])
    .describe(
      'Changes to the default list of plugins: an entry with the name of one overrides it (its `with` replaces), `enabled: false` removes it, others are added, also those that are off by default.',
    ),
});

type FileConfig = z.output<typeof agentConfigSchema>;

/** An entry of `plugins:` as written in the file or in a default list. */
export type PluginEntryInput = z.input<typeof pluginEntry>;

/** One plugin instance to start: the default list changed by the file, disabled entries left out. */
export interface PluginEntry extends Omit<FileConfig['plugins'][number], 'id' | 'enabled'> {
  /** Unique in the agent. */
  readonly id: string;
}

/** The effective configuration: durations in milliseconds, sizes in bytes. */
export interface AgentConfig extends Omit<FileConfig, 'plugins' | '$schema'> {
  readonly plugins: readonly PluginEntry[];
}

/** The schema of one entry of `plugins:`. */
export const pluginEntrySchema = pluginEntry;
