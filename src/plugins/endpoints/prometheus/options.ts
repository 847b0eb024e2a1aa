import {
  containerSelection,
  labelLimits,
  labelSelection,
  metricSelection,
  z,
} from '../../../kernel/contracts/index.js';

const emptyLabelLimit = z
  .int()
  .min(0)
  .default(100)
  .describe('With `emptyLabels`: labels that are printed empty; those that most containers have are chosen.');

const urlPath = (example: string) =>
  z.string().regex(/^\/[\w.~/-]*[\w.~-]$/, { error: `expected a path such as ${example}` });

export const prometheusOptions = z
  .strictObject({
    path: urlPath('/metrics').default('/metrics').describe('Where the metrics are served.'),
    kubelet: z
      .strictObject({
        path: urlPath('/metrics/cadvisor')
          .optional()
          .meta({ examples: ['/metrics/cadvisor'], description: 'Where they are served. Absent: nowhere.' }),
      })
      .prefault({})
      .describe(
        'What cAdvisor has names for, a second time and with the labels that kubelet’s `/metrics/cadvisor` has: `container`, `pod`, `namespace`, `image`, `name` and `id`.',
      ),
    timestamps: z
      .boolean()
      .default(true)
      .describe(
        'Give every sampled series the time of its sample, as cAdvisor does. `false`: the time of the scrape counts, and series of a container that is gone end at the next scrape instead of five minutes later.',
      ),
    ...labelSelection,
    hostLabels: z
      .boolean()
      .default(false)
      .describe(
        'Give every series the labels `host` and `cluster` that sinks have: `host` is `TALLYMAN_NODE_NAME` or the name of the host, `cluster` is `TALLYMAN_CLUSTER` where that is set. Prometheus can set such labels itself.',
      ),
    labelLimits: labelLimits
      .extend({ empty: emptyLabelLimit })
      .prefault({})
      .describe(
        'How much of its labels and variables a container may have in `/metrics`, where each of its series repeats them. What is beyond is logged once with the container’s name.',
      ),
    emptyLabels: z
      .boolean()
      .default(false)
      .describe(
        'Print a label that only other containers have as `""`, as cAdvisor does. To Prometheus that is the same as no label, and without it no container’s labels lengthen the series of another.',
      ),
    ...metricSelection,
    ...containerSelection,
    maxSeries: z
      .int()
      .min(0)
      .default(500_000)
      .describe(
        'The most series of containers in one answer; 0: no limit. Containers beyond it, by name, are left out as a whole and counted in `tallyman_scrape_series_cut`.',
      ),
    maxAppNames: z
      .int()
      .min(0)
      .default(1000)
      .describe(
        'The most names that application metrics have in one answer. When there are more, containers with few names keep theirs; a name is free again when its containers have gone.',
      ),
    selfMetrics: z
      .boolean()
      .default(true)
      .describe('Serve metrics about the agent itself (`tallyman_*`, `process_*`).'),
    machineLabels: z
      .boolean()
      .default(true)
      .describe(
        'Put `machine_id`, `system_uuid` and `boot_id` on `machine_*` metrics; cAdvisor before v0.38 had none.',
      ),
    cpuTopology: z
      .boolean()
      .default(false)
      .describe('Serve caches, threads, memory and huge pages by NUMA node (cAdvisor’s metric set `cpu_topology`).'),
    compression: z.boolean().default(true).describe('Compress answers (gzip, zstd) for clients that ask for it.'),
  })
  .refine(({ path, kubelet }) => kubelet.path !== path, {
    path: ['kubelet', 'path'],
    error: 'it is the same as path; choose another one, such as /metrics/cadvisor',
  });

export type PrometheusOptions = z.output<typeof prometheusOptions>;
