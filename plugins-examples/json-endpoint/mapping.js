import { duration, hasOneEndpoint, httpTargetShape, ONE_ENDPOINT, z } from 'tallyman/plugin';
import { parsePath } from './path.js';

/** An option that holds a path; the plugin gets it parsed. */
const path = () =>
  z.string().transform((text, context) => {
    try {
      return parsePath(text);
    } catch (error) {
      context.addIssue({ code: 'custom', message: /** @type {Error} */ (error).message });
      return z.NEVER;
    }
  });

/** The same for a place that is one at most: `each` is there for what is many. */
const singlePath = () =>
  path().refine(({ isSingle }) => isSingle, { error: 'leads to many places: write that part of the path into `each`' });

/** Where a label's value comes from: a path, or the key under which `each` found the element. */
const labelSource = () => z.union([z.literal('@key'), singlePath()]);

const metric = z.strictObject({
  name: z
    .string()
    .regex(/^[a-zA-Z_:][\w:]*$/, { error: 'expected a metric name: letters, digits, _ and :' })
    .describe('Name of the metric.'),
  each: path()
    .optional()
    .describe('Path to many places: one series for each. Without it the metric is one series, read from the document.'),
  value: singlePath().describe(
    'Path to the number, from where `each` leads or from the document; `$` is that place itself.',
  ),
  labels: z
    .record(
      z.string().regex(/^[a-zA-Z_]\w*$/, { error: 'expected a label name: letters, digits and _' }),
      labelSource(),
    )
    .default({})
    .describe('Labels of the series: paths as for `value`, or `@key`, the name or index under which `each` found it.'),
  words: z.record(z.string(), z.number()).default({}).describe('Numbers for texts: `{ok: 1, degraded: 0.5, down: 0}`.'),
  type: z.enum(['gauge', 'cumulative']).default('gauge').describe('`gauge`, or `cumulative` for what only grows.'),
  units: z.string().default('').describe('What is counted, in words.'),
  help: z.string().default('').describe('What the number means.'),
});

/** @typedef {z.output<typeof metric>} Mapping */

const target = z
  .strictObject({
    ...httpTargetShape('/'),
    metrics: z.array(metric).min(1).describe('What to take from the document.'),
  })
  .refine(hasOneEndpoint, ONE_ENDPOINT);

export const configSchema = z.strictObject({
  interval: duration().prefault('10s').describe('Time between two collections, where the target does not say another.'),
  targets: z.array(target).prefault([]).describe('Containers, systemd units and cgroups to collect from.'),
});
