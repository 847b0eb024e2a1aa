import { hostname } from 'node:os';
import { containerSelection, labelSelection, metricSelection, newLabelName } from './export/index.js';
import { duration, size } from './options.js';
import { z } from './zod.js';

/** Timers cannot wait longer. */
const LONGEST_MS = 2 ** 31 - 1;

const batch = z.strictObject({
  size: z.int().min(1).default(5_000).describe('Data points in one batch, about; never less than a container’s.'),
  age: duration()
    .prefault('0')
    .describe('How long a batch that is not full may wait for further samples. `0`: it is sent as soon as it is made.'),
});

const queue = z.strictObject({
  size: size()
    .optional()
    .describe(
      'How much may wait, as it is sent; beyond it the oldest batches are dropped, which is logged and counted. Absent: 16MiB, with a directory 1GiB.',
    ),
  directory: z
    .string()
    .regex(/^\//, { error: 'expected an absolute path' })
    .optional()
    .describe(
      'A directory of this sink alone, in which what waits survives a restart and a crash. Absent: it is kept in memory.',
    ),
});

const retry = z.strictObject({
  first: duration().prefault('1s').describe('Pause after the first failure; it doubles with each further one.'),
  longest: duration().prefault('60s').describe('The longest pause.'),
  maxAge: duration()
    .optional()
    .describe('Batches that are older are dropped instead of sent. Absent: they are tried until there is no room.'),
});

/**
 * The options that all sinks have. A sink spreads them into its own: `z.strictObject({ url: z.url(), ...sinkOptions })`.
 */
export const sinkOptions = {
  interval: duration()
    .refine((value) => value >= 100 && value <= LONGEST_MS, { error: 'expected 100ms to 24 days' })
    .prefault('10s')
    .describe('How often what is new of each container is sent.'),
  content: z
    .array(z.enum(['containers', 'applications', 'machine', 'agent']))
    .min(1)
    .default(['containers', 'applications'])
    .describe(
      'What is sent: metrics of containers, of applications in them, of the machine (`machine_*`), of the agent itself (`tallyman_*`).',
    ),
  resolution: z
    .enum(['last', 'mean', 'max', 'rate', 'all'])
    .default('last')
    .describe(
      'What is sent of the samples of an interval: the last one; the mean or the maximum of gauges (and the last value of counters); `rate`: counters as their increase per second, under names that end in `_per_second` in place of `_total`; `all`: every sample.',
    ),
  batch: batch.prefault({}).describe('When a batch is complete.'),
  queue: queue.prefault({}).describe('Where batches wait while the receiver does not take them.'),
  retry: retry.prefault({}).describe('When a batch that was not delivered is tried again.'),
  concurrency: z
    .int()
    .min(1)
    .max(64)
    .default(1)
    .describe('Batches that are sent at the same time. Those of one container are always sent one after the other.'),
  host: z
    .string()
    .optional()
    .describe('Value of the label `host`. Absent: `TALLYMAN_NODE_NAME`, or the name of the host; `""`: no such label.'),
  cluster: z
    .string()
    .min(1)
    .optional()
    .describe('Value of the label `cluster`. Absent: `TALLYMAN_CLUSTER`, or no such label.'),
  externalLabels: z
    .record(newLabelName(), z.string())
    .default({})
    .describe('Further labels of everything that is sent (`{ datacenter: fra1 }`).'),
  ...containerSelection,
  ...metricSelection,
  ...labelSelection,
};

/** The options that all sinks have, as the kernel takes them from `Sink.options`. */
export type SinkOptions = z.output<z.ZodObject<typeof sinkOptions>>;

/**
 * What the labels `host` and `cluster` say. Where the options do not, variables of the environment do, which Kubernetes sets for
 * each node: the name of the host is that of the pod there.
 * @returns empty texts for labels that are not to be there
 */
export function hostAndCluster(
  { host, cluster }: Pick<SinkOptions, 'host' | 'cluster'>,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): { readonly host: string; readonly cluster: string } {
  return {
    host: host ?? (environment.TALLYMAN_NODE_NAME || hostname()),
    cluster: cluster ?? environment.TALLYMAN_CLUSTER ?? '',
  };
}
