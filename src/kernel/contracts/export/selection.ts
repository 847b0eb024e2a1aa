import { glob, size } from '../options.js';
import { z } from '../zod.js';

/** Labels that series have besides those of their container; a renamed label may not take their place. */
const TAKEN =
  /^(id|name|image|cpu|device|interface|failure_type|scope|state|(tcp|udp)_state|ulimit|node|node_id|type|pagesize|major|minor|operation|le|quantile|__.*|app_.*)$/;

const NOT_A_LABEL = 'expected a label name: letters, digits and _, no digit first';
const NOT_A_METRIC = 'expected a metric name: letters, digits, _ and :, no digit first';

/** An option holding the name of a label that series do not have yet. */
export const newLabelName = () =>
  z
    .string()
    .regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, { error: NOT_A_LABEL })
    .refine((name) => !TAKEN.test(name), { error: 'this label exists already; choose another name' });

const metricName = () => z.string().regex(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/, { error: NOT_A_METRIC });

const globs = () => z.array(glob());

export const labelLimits = z.strictObject({
  count: z.int().min(0).default(100).describe('Labels; the first by key are kept.'),
  nameLength: z.int().min(1).default(200).describe('Characters of a key; labels with longer ones are left out.'),
  valueLength: z.int().min(0).default(1024).describe('Characters of a value; longer ones are cut.'),
  size: size().prefault('8KiB').describe('Bytes of all names and values; labels beyond are left out.'),
});

/** Options that say which containers an output has; spread them into the schema of its options. */
export const containerSelection = {
  containersInclude: globs()
    .optional()
    .describe(
      'Containers to send, as globs over the absolute name (`/system.slice/**`) or an alias (`web-*`). Absent: all.',
    ),
  containersExclude: globs().prefault([]).describe('Containers not to send, in the same form.'),
};

/** Options that say which metrics an output has, and under which names. */
export const metricSelection = {
  metricsInclude: globs().optional().describe('Names of the metrics to send, as globs. Absent: all.'),
  metricsExclude: globs()
    .prefault(['container_pressure_*_avg*'])
    .describe('Names of metrics not to send, as globs. Wins over `metricsInclude`.'),
  metricRename: z
    .record(z.string(), metricName())
    .default({})
    .describe('Other names for metrics: name → new name. `metricsInclude` and `metricsExclude` see the old names.'),
  metricPrefix: z
    .string()
    .regex(/^([a-zA-Z_:][a-zA-Z0-9_:]*)?$/, { error: NOT_A_METRIC })
    .default('')
    .describe('What all names of metrics begin with, before and besides `metricRename`.'),
};

/** Options that say which of a container's own labels and environment variables its series have. */
export const labelSelection = {
  labelAllow: globs()
    .optional()
    .describe(
      'Container labels and environment variables that become series labels, as globs over the key (`com.docker.compose.*`) or the label name (`container_label_tier`). Absent: all; `[]`: none.',
    ),
  labelDeny: globs()
    .prefault(['systemd.description'])
    .describe('Those that do not, in the same form. Wins over `labelAllow`.'),
  labelRename: z
    .record(z.string(), newLabelName())
    .default({})
    .describe('Names for them other than `container_label_…`: key or label name → new name (`tier: tier`).'),
  labelLimits: labelLimits
    .prefault({})
    .describe(
      'How many labels and variables a container may have in its series, each of which repeats them. What is beyond is logged once with the container’s name.',
    ),
  groupLabels: z
    .boolean()
    .default(false)
    .describe(
      'Give series the labels of the container’s grouping: `compose_project`, `compose_service`, `swarm_stack`, `swarm_service`, `nomad_job`, `nomad_task`, `kubernetes_namespace`, `kubernetes_pod`, …, by the same names whatever the runtime.',
    ),
  unitNames: z
    .boolean()
    .default(false)
    .describe(
      'Give series of systemd units the label `name` too. Without it the label is empty, as cAdvisor has it: many dashboards select containers by `name!=""`.',
    ),
};

export type ContainerSelection = z.output<z.ZodObject<typeof containerSelection>>;
export type MetricSelection = z.output<z.ZodObject<typeof metricSelection>>;
export type LabelSelection = z.output<z.ZodObject<typeof labelSelection>>;
export type Selection = ContainerSelection & MetricSelection & LabelSelection;

/** Whether a name passes an include and an exclude list; any of its `forms` may match. */
export function passes(
  forms: readonly string[],
  include: readonly RegExp[] | undefined,
  exclude: readonly RegExp[],
): boolean {
  const hit = (patterns: readonly RegExp[]) => patterns.some((pattern) => forms.some((form) => pattern.test(form)));
  return (include === undefined || hit(include)) && !hit(exclude);
}

/** Whether a container is selected, by its name or one of its aliases. */
export function isSelected(options: ContainerSelection, name: string, aliases: readonly string[]): boolean {
  const { containersInclude, containersExclude } = options;
  if (containersInclude === undefined && containersExclude.length === 0) return true;
  return passes([name, ...aliases], containersInclude, containersExclude);
}

/** The name under which a metric is sent; undefined: not at all. */
export function exportedName(options: MetricSelection, name: string): string | undefined {
  if (!passes([name], options.metricsInclude, options.metricsExclude)) return undefined;
  const { metricRename, metricPrefix } = options;
  return metricPrefix + (Object.hasOwn(metricRename, name) ? metricRename[name]! : name);
}
