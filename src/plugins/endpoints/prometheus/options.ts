import { glob, size, z } from '../../../kernel/contracts/index.js';

/** Labels that series have besides those of their container; a renamed label may not take their place. */
const TAKEN =
  /^(id|name|image|cpu|device|interface|failure_type|scope|state|(tcp|udp)_state|ulimit|node|node_id|type|pagesize|major|minor|operation|le|quantile|__.*|app_.*)$/;

const labelName = z
  .string()
  .regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, { error: 'expected a label name: letters, digits and _, no digit first' })
  .refine((name) => !TAKEN.test(name), { error: 'this label exists already; choose another name' });

const globs = () => z.array(glob());

const labelLimits = z.strictObject({
  count: z.int().min(0).default(100).describe('Labels; the first by key are kept.'),
  nameLength: z.int().min(1).default(200).describe('Characters of a key; labels with longer ones are left out.'),
  valueLength: z.int().min(0).default(1024).describe('Characters of a value; longer ones are cut.'),
  size: size().prefault('8KiB').describe('Bytes of all names and values; labels beyond are left out.'),
  empty: z
    .int()
    .min(0)
    .default(100)
    .describe('With `emptyLabels`: labels that are printed empty; those that most containers have are chosen.'),
});

const urlPath = (example: string) =>
  z.string().regex(/^\/[\w.~/-]*[\w.~-]$/, { error: `expected a path such as ${example}` });

/** Options of the endpoint. */
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
    labelAllow: globs()
      .optional()
      .describe(
        'Container labels and environment variables that become series labels, as globs over the key (`com.docker.compose.*`) or the label name (`container_label_tier`). Absent: all; `[]`: none.',
      ),
    labelDeny: globs().prefault([]).describe('Those that do not, in the same form. Wins over `labelAllow`.'),
    labelRename: z
      .record(z.string(), labelName)
      .default({})
      .describe('Names for them other than `container_label_…`: key or label name → new name (`tier: tier`).'),
    labelLimits: labelLimits
      .prefault({})
      .describe(
        'How much of its labels and variables a container may have in `/metrics`, where each of its series repeats them. What is beyond is told once with the container’s name.',
      ),
    emptyLabels: z
      .boolean()
      .default(false)
      .describe(
        'Print a label that only other containers have as `""`, as cAdvisor does. To Prometheus that is the same as no label, and without it no container’s labels lengthen the series of another.',
      ),
    metricsInclude: globs().optional().describe('Names of the metrics that are served, as globs. Absent: all.'),
    metricsExclude: globs()
      .prefault(['container_pressure_*_avg*'])
      .describe('Names of metrics that are not served, as globs. Wins over `metricsInclude`.'),
    containersInclude: globs()
      .optional()
      .describe(
        'Containers whose metrics are served, as globs over the absolute name (`/system.slice/**`) or an alias (`web-*`). Absent: all.',
      ),
    containersExclude: globs().prefault([]).describe('Containers that are not served, in the same form.'),
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

/** Whether a name passes an include and an exclude list; any of its `forms` may match. */
export function passes(
  forms: readonly string[],
  include: readonly RegExp[] | undefined,
  exclude: readonly RegExp[],
): boolean {
  const hit = (patterns: readonly RegExp[]) => patterns.some((pattern) => forms.some((form) => pattern.test(form)));
  return (include === undefined || hit(include)) && !hit(exclude);
}
