import { duration, hasOneEndpoint, httpTargetShape, ONE_ENDPOINT, z } from '../../../kernel/contracts/index.js';
import { tlsOptions } from '../common/index.js';
import { compileRegex, type RegexMetric } from './metric.js';

const metric = z
  .strictObject({
    name: z.string().min(1).describe('Name of the metric.'),
    type: z
      .enum(['gauge', 'cumulative', 'delta'])
      .default('gauge')
      .describe('`gauge`, `cumulative` (only grows) or `delta` (since the last collection).'),
    units: z.string().default('').describe('What is counted, in words.'),
    format: z.enum(['int', 'float']).default('float').describe('`int` (64 bits, exact) or `float`.'),
    regex: z.string().describe('Regular expression in RE2’s syntax; its first group is the value.'),
  })
  .transform(({ regex, ...spec }, context): RegexMetric => {
    const compiled = compileRegex(regex);
    if (typeof compiled !== 'string') return { spec, regex };
    context.addIssue({ code: 'custom', path: ['regex'], message: compiled });
    return z.NEVER;
  });

const target = z
  .strictObject({
    ...httpTargetShape('/'),
    metrics: z.array(metric).min(1).describe('What to take from the answer.'),
  })
  .refine(hasOneEndpoint, ONE_ENDPOINT);

export const regexOptions = z.strictObject({
  labels: z
    .boolean()
    .default(true)
    .describe('Collect what containers declare by cAdvisor’s labels (`io.cadvisor.metric.<name>`).'),
  interval: duration().prefault('10s').describe('Time between two collections, where the target does not say another.'),
  tls: tlsOptions.prefault({}).describe('For `https` targets.'),
  searchTime: duration()
    .refine((value) => value >= 10 && value <= 1000, { error: 'expected 10ms to 1s' })
    .prefault('100ms')
    .describe(
      'CPU time for searching one page. What is not found by then is left out; an expression that takes it all is switched off until its container starts again.',
    ),
  targets: z.array(target).prefault([]).describe('Containers and cgroups to collect from, whatever their labels say.'),
});

export type RegexOptions = z.output<typeof regexOptions>;
