import { type OnError, percentage, size, z } from '../contracts/index.js';
import { absolutePath, count, durationFrom, flag, interval, sizeFrom } from './fields.js';
import { web } from './web-schema.js';

const housekeeping = z
  .strictObject({
    interval: interval('100ms').prefault('1s').describe('Interval between two samples of a busy container.'),
    maxInterval: interval('100ms')
      .prefault('60s')
      .describe('Longest interval between two samples of an idle container. Equal to `interval`: a fixed interval.'),
    dynamic: flag(
      true,
      'Sample a container whose usage does not change less often, from `interval` up to `maxInterval`.',
    ),
    jitter: z
      .number()
      .min(0)
      .max(1)
      .default(0.1)
      .describe(
        'Fraction of the interval by which a sample is delayed at random, so that hosts do not sample in lockstep.',
      ),
    idleRefresh: interval('0')
      .prefault('10s')
      .describe(
        'An idle container is detected by at most one read, and its values are reused for this long. `0` reads all values for every sample.',
      ),
    maxIdleRefresh: interval('0')
      .prefault('60s')
      .describe(
        'While all values of an idle container are found unchanged, `idleRefresh` doubles up to this. Not longer than `idleRefresh`: it stays.',
      ),
  })
  .refine((value) => value.maxInterval >= value.interval, {
    path: ['maxInterval'],
    error: 'expected at least housekeeping.interval; maxInterval is 60s where it is not set, so set both',
  });

const history = z.strictObject({
  duration: durationFrom('1s').prefault('2m').describe('How far back the samples in memory go.'),
  keepMinutes: flag(
    true,
    'Keep the minutes of the last day in the state directory, for summaries and `tallyman advise` after a restart. A change needs a restart.',
  ),
});

const retention = z.strictObject({
  age: durationFrom('0').prefault('24h').describe('How long an event is kept, relative to the newest one of its type.'),
  count: z
    .int()
    .min(-1)
    .default(100_000)
    .describe('How many are kept. `0`: none, only streams receive them; `-1`: no limit.'),
});

const events = z.strictObject({
  containerCreation: retention.prefault({}).describe('Created containers.'),
  containerDeletion: retention.prefault({}).describe('Deleted containers.'),
  oom: retention.prefault({}).describe('OOM events, by the container of the killed process.'),
  oomKill: retention.prefault({}).describe('OOM kills, by the container whose limit was hit.'),
});

const recorder = z.strictObject({
  enabled: flag(
    true,
    'Write a capsule when a container ends badly. Changes of this and of `directory` need a restart.',
  ),
  directory: absolutePath()
    .optional()
    .describe('Where capsules are kept. Default: `capsules` below the state directory (`/var/lib/tallyman`).'),
  maxCapsules: z.int().min(1).max(10_000).default(200).describe('How many capsules are kept; the oldest are removed.'),
  maxSize: size().prefault('64MiB').describe('Size of all capsules together; the oldest are removed.'),
  maxAge: durationFrom('0').prefault('30d').describe('How long a capsule is kept.'),
  maxPerMinute: z
    .int()
    .min(1)
    .max(1000)
    .default(10)
    .describe('Capsules written within a minute. Further bad ends are counted only.'),
});

const appMetrics = z.strictObject({
  maxMetrics: count(
    100,
    'Distinct names of application metrics kept per container. The log and the API report how many samples were dropped.',
  ),
  maxSeries: count(1000, 'Series (names with their labels) of application metrics kept per container.'),
  maxTotalSeries: count(
    100_000,
    'The same for all containers together. Of this and the other totals each container gets what it needs; when that exceeds the total, the containers that need more than a fair share get equal shares.',
  ),
  maxTargets: count(
    20,
    'Targets per container and plugin. Those of the configuration take precedence over those of labels.',
  ),
  maxTotalTargets: count(2_000, 'Targets of all containers together.'),
  maxMemory: size()
    .prefault('4MiB')
    .describe('Memory for names, labels and values per container. The oldest values are dropped first.'),
  maxTotalMemory: size().prefault('64MiB').describe('The same for all containers together.'),
  maxRate: size()
    .refine((value) => value > 0, { error: 'expected more than 0' })
    .prefault('1MiB')
    .describe('Bytes of responses read per second and container. Targets that send more are scraped less often.'),
  maxTotalRate: size()
    .refine((value) => value > 0, { error: 'expected more than 0' })
    .prefault('8MiB')
    .describe('The same for all containers together.'),
  maxBodySize: size()
    .refine((value) => value >= 1024 && value <= 256 * 1024 * 1024, { error: 'expected 1KiB to 256MiB' })
    .prefault('4MiB')
    .describe(
      'Maximum size of a response with application metrics, compressed or not; larger ones are rejected. Responses of eight times this size in total are read concurrently.',
    ),
});

const discovery = z.strictObject({
  rescanInterval: interval('1s')
    .prefault('60s')
    .describe(
      'How often the cgroup tree is scanned, in addition to kernel notifications. Of a cgroup v1 leaf, the directories in the watched hierarchy and one of the others are compared each time.',
    ),
});

const machine = z.strictObject({
  refreshInterval: interval('1s')
    .prefault('5m')
    .describe('How often information about the machine (memory, disks, network devices) is refreshed.'),
  machineIdFiles: z
    .array(absolutePath())
    .default(['/etc/machine-id', '/var/lib/dbus/machine-id'])
    .describe('Files with the machine ID, below `host.root`; the first readable one is used.'),
  bootIdFiles: z
    .array(absolutePath())
    .default(['/proc/sys/kernel/random/boot_id'])
    .describe('Files with the boot ID; the first readable one is used.'),
});

const hostPath = (description: string, example: string) =>
  absolutePath()
    .optional()
    .meta({ description, examples: [example] });

const host = z.strictObject({
  root: hostPath("The host's root directory as the agent sees it. Default: `/`.", '/rootfs'),
  proc: hostPath("The host's procfs. Default: `proc` below `root`.", '/rootfs/proc'),
  sys: hostPath("The host's sysfs. Default: `sys` below `root`.", '/rootfs/sys'),
  cgroup: hostPath("The host's cgroup mount. Default: `fs/cgroup` below `sys`.", '/rootfs/sys/fs/cgroup'),
});

const budget = z.strictObject({
  cpu: percentage()
    .refine((value) => value >= 0.001, { error: 'expected 0.1% or more' })
    .optional()
    .describe('CPU time, as a percentage of one CPU, averaged over half a minute. Default: no limit.'),
  memory: sizeFrom('64MiB').optional().describe('Resident memory of the agent. Default: no limit.'),
  descriptors: z
    .int()
    .min(512)
    .optional()
    .meta({
      description: 'Open files, of which 256 are reserved for sockets and watches. Default: the limit of the process.',
      examples: [20_000],
    }),
  cgroupLimits: flag(true, "Also keep within `memory.high`, `memory.max` and `cpu.max` of the agent's own cgroup."),
});

const log = z.strictObject({
  level: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .describe('Minimum level of the lines that are written.'),
  format: z
    .enum(['auto', 'json', 'pretty', 'journal'])
    .default('auto')
    .describe(
      '`json` writes one JSON object per line, `pretty` is for people, `journal` for journald, with its priorities; `auto` is `pretty` on a terminal, `journal` as a systemd service, else `json`.',
    ),
  limit: z
    .strictObject({
      alike: count(20, 'Lines per minute of one component that differ only in numbers and IDs. `0`: no limit.'),
      perPart: count(300, 'Lines per minute of one component (`docker`, `http`, …). `0`: no limit.'),
    })
    .prefault({})
    .describe(
      'Limits of the log; one line then reports how many were suppressed. `debug` lines and `web.accessLog` have no limit.',
    ),
});

const ON_ERROR = ['fail', 'ignore', 'retry', 'probe'] as const satisfies readonly OnError[];

/** The schema of one entry of `plugins:`. */
export const pluginEntrySchema = z.strictObject({
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
      description: 'Name of this instance. Default: the value of `use`; a second instance gets the suffix `#2`.',
      examples: ['podman-of-alice'],
    }),
  enabled: flag(true, '`false` removes the plugin from the default list.'),
  with: z.record(z.string(), z.unknown()).default({}).describe("The plugin's own options."),
  onError: z
    .enum(ON_ERROR)
    .default('retry')
    .describe(
      'When it cannot start: `fail` ends the agent, `retry` keeps trying, `ignore` continues without it, `probe` continues without it and without a warning.',
    ),
  startTimeout: interval('100ms')
    .prefault('10s')
    .describe('Time limit for loading its module, and again for its start.'),
  isolate: flag(
    false,
    'Run it in its own process, which protects the agent from endless loops, leaks and crashes. For `app-metrics` plugins.',
  ),
  memoryLimit: sizeFrom('32MiB')
    .optional()
    .describe('Memory limit of an isolated plugin (`128MiB`); above it, the plugin is restarted.'),
  timeLimit: interval('100ms')
    .optional()
    .describe('How long an isolated plugin may block (`5s`); after that, it is restarted.'),
});

/** The whole config file. Errors, editor completion, sample and option tables are derived from it. */
export const agentConfigSchema = z.strictObject({
  $schema: z
    .string()
    .optional()
    .meta({
      description: 'The JSON Schema of this file, for editors.',
      examples: ['./tallyman.schema.json'],
    }),
  web: web.prefault({}).describe('The HTTP server.'),
  housekeeping: housekeeping.prefault({}).describe('When samples are taken.'),
  history: history.prefault({}).describe('The samples kept in memory.'),
  events: events.prefault({}).describe('The events kept in memory, by type.'),
  recorder: recorder.prefault({}).describe('Capsules: what was known of a container when it ended badly.'),
  budget: budget
    .prefault({})
    .describe('What the agent itself may use. Before it uses more, it does less: see docs/budget.md.'),
  appMetrics: appMetrics.prefault({}).describe('Metrics of the applications in the containers.'),
  discovery: discovery.prefault({}).describe('How containers are found.'),
  machine: machine.prefault({}).describe('Information about the machine.'),
  host: host.prefault({}).describe("Paths of the host's kernel filesystems, when the agent runs in a container."),
  log: log.prefault({}).describe('What the agent logs.'),
  plugins: z
    .array(pluginEntrySchema)
    .default([])
    .describe(
      'Changes to the default list of plugins: an entry with the name of one overrides it (its `with` replaces), `enabled: false` removes it, others are added, also those that are off by default.',
    ),
});

type FileConfig = z.output<typeof agentConfigSchema>;

/** An entry of `plugins:` as written in the file or in a default list. */
export type PluginEntryInput = z.input<typeof pluginEntrySchema>;

/** One plugin instance to start: the default list changed by the file, disabled entries left out. */
export interface PluginEntry extends Omit<FileConfig['plugins'][number], 'id' | 'enabled'> {
  /** Unique in the agent. */
  readonly id: string;
}

/** The effective configuration: durations in milliseconds, sizes in bytes. */
export interface AgentConfig extends Omit<FileConfig, 'plugins' | '$schema'> {
  readonly plugins: readonly PluginEntry[];
}
