import { duration, z } from '../../../kernel/contracts/index.js';

export const profilingOptions = z.strictObject({
  samplingInterval: duration()
    .refine((value) => value >= 0.1 && value <= 100, { error: 'expected 100us to 100ms' })
    .prefault('1ms')
    .describe('Time between two looks at what the agent is doing, while its CPU is profiled.'),
  longest: duration()
    .refine((value) => value >= 1000, { error: 'expected 1s or more' })
    .prefault('5m')
    .describe('Longest profile that is taken; more `seconds` are refused.'),
});

export type ProfilingOptions = z.output<typeof profilingOptions>;
