import { duration, size, z } from '../contracts/index.js';

/** @param minimum as it is written in a config file: `100ms`, `64MiB` */
function atLeast(type: ReturnType<typeof duration>, minimum: string) {
  const least = type.parse(minimum);
  return type.refine((value) => value >= least, { error: `expected ${minimum} or more` });
}

export const durationFrom = (minimum: string) => atLeast(duration(), minimum);
export const sizeFrom = (minimum: string) => atLeast(size(), minimum);

const MAX_TIMER_MS = 2 ** 31 - 1;

/** A duration that fits a Node timer (at most 24 days). */
export const interval = (minimum: string) =>
  durationFrom(minimum).refine((value) => value <= MAX_TIMER_MS, { error: 'expected 24 days or less' });

export const flag = (standard: boolean, description: string) => z.boolean().default(standard).describe(description);

/** A number of things, 0 or more. */
export const count = (standard: number, description: string) => z.int().min(0).default(standard).describe(description);

export const absolutePath = () => z.string().regex(/^\/[^\0]*$/, { error: 'expected an absolute path' });
