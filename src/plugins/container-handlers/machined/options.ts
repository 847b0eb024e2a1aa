import { glob, z } from '../../../kernel/contracts/index.js';

export const machinedOptions = z.strictObject({
  include: z.array(glob()).prefault([]).describe('Machines to monitor, by name (globs); empty: all.'),
  exclude: z.array(glob()).prefault([]).describe('Machines that are not monitored. Wins over `include`.'),
});

export type MachinedOptions = z.output<typeof machinedOptions>;
