import { z } from '../../../kernel/contracts/index.js';

const time = z.iso.datetime();
const rule = z.strictObject({ rule: z.string(), title: z.string() });
const containers = z.int().min(0);

const finding = z
  .strictObject({
    rule: z.string().describe('Id of the rule.'),
    severity: z.enum(['error', 'warning', 'info']),
    harm: z.int().min(0).max(100).describe('Findings are ranked by it.'),
    container: z.string().describe('Absolute name.'),
    label: z.string().describe('Its first alias, else the absolute name.'),
    what: z.string().describe('What is the case.'),
    meaning: z.string().describe('What that means for whoever uses the container.'),
    evidence: z
      .array(
        z.strictObject({
          text: z.string(),
          values: z.record(z.string(), z.number().nullable()).describe('The numbers, with the unit in the name.'),
          start: time,
          end: time,
        }),
      )
      .min(1),
    mend: z.string().describe('What to do.'),
    lines: z.array(
      z.strictObject({
        tool: z.enum(['docker', 'podman', 'compose', 'systemd', 'kubernetes', 'shell']),
        line: z.string(),
      }),
    ),
  })
  .meta({ id: 'WhyFinding', description: 'What is wrong with a container, how that shows, and what mends it.' });

/** The answer of `/api/why`. */
export const hostWhy = z.strictObject({
  containers,
  time,
  findings: z.array(finding).max(3),
  further_findings: z.int().min(0),
  looked_at: z.array(rule),
  not_looked_at: z.array(
    rule.extend({ reason: z.string(), containers: containers.describe('Containers that it could not be applied to.') }),
  ),
});

/** The answer of `/api/why?brief=true`. */
export const briefWhy = z.strictObject({
  time,
  containers: z.array(
    z
      .strictObject({
        container: z.string().describe('Absolute name.'),
        severity: z.enum(['error', 'warning', 'info']),
        rule: z.string(),
        what: z.string(),
        findings: z.int().min(1).describe('How many it has.'),
      })
      .meta({ id: 'WhyBrief', description: 'The worst finding of a container.' }),
  ),
});

/** The answer of `/api/why/CONTAINER`. */
export const containerWhy = z.strictObject({
  container: z.strictObject({ name: z.string(), aliases: z.array(z.string()), running: z.boolean() }),
  time,
  findings: z.array(finding),
  looked_at: z.array(rule),
  not_looked_at: z.array(rule.extend({ reason: z.string() })),
});
