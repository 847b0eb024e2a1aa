import { z } from '../../../kernel/contracts/index.js';

const time = z.iso.datetime();
const count = z.int().min(0);

const reason = z.strictObject({
  kind: z.enum(['oom', 'exit', 'ended-unseen', 'unhealthy', 'restart-loop', 'why', 'requested']),
  time,
  text: z.string(),
});

/** The answer of `/api/record/CONTAINER`. */
export const capsule = z
  .strictObject({
    id: z.string(),
    container: z.string().describe('Absolute name of the container.'),
    label: z.string().describe('Its name at its runtime.'),
    runtime: z.string().optional(),
    image: z.string().optional(),
    exit_code: z.int().optional(),
    created_at: time,
    reasons: z.array(reason),
    agent_version: z.string(),
    bytes: count.describe('Size of its file.'),
  })
  .meta({ id: 'Capsule', description: 'What a capsule is about.' });

/** The answer of `/api/capsules`. */
export const listing = z
  .strictObject({
    directory: z.string().optional().describe('Where they are kept; absent: none are.'),
    written: count.describe('Since the start of the agent.'),
    skipped: count.describe('Bad ends without a capsule because too many were written shortly before.'),
    failed: count,
    capsules: z.array(capsule).describe('Oldest first.'),
  })
  .meta({ id: 'Capsules', description: 'The capsules that are kept.' });
