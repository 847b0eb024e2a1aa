import { duration, glob, hasOneEndpoint, httpTargetShape, ONE_ENDPOINT, z } from '../../../kernel/contracts/index.js';
import { tlsOptions } from '../common/index.js';

const target = z
  .strictObject({
    ...httpTargetShape('/metrics'),
    metrics: z
      .array(glob())
      .default([])
      .describe('Names of the samples or families to keep (globs); an empty list keeps all.'),
  })
  .refine(hasOneEndpoint, ONE_ENDPOINT);

export const prometheusOptions = z.strictObject({
  labels: z
    .boolean()
    .default(true)
    .describe(
      'Collect what containers declare by labels: `tallyman.metrics.port` and its like, and cAdvisor’s `io.cadvisor.metric.prometheus…`.',
    ),
  interval: duration().prefault('10s').describe('Time between two collections, where the target does not say another.'),
  tls: tlsOptions.prefault({}).describe('For `https` targets.'),
  targets: z.array(target).prefault([]).describe('Containers and cgroups to collect from, whatever their labels say.'),
});

export type PrometheusOptions = z.output<typeof prometheusOptions>;
