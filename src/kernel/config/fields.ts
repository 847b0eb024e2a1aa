import { duration, z } from '../contracts/index.js';

/** A duration of at least `minimum` ms, `minimumText` in errors. */
export const durationFrom = (minimum: number, minimumText: string) =>
  duration().refine((value) => value >= minimum, { error: `expected ${minimumText} or more` });

const MAX_TIMER_MS = 2 ** 31 - 1;

/** A duration that fits a Node timer (at most 24 days). */
export const interval = (minimum: number, minimumText: string) =>
  durationFrom(minimum, minimumText).refine((value) => value <= MAX_TIMER_MS, { error: 'expected 24 days or less' });

export const durationMeta = (description: string) => ({ description, format: 'duration' });
export const sizeMeta = (description: string) => ({ description, format: 'size' });

export const absolutePath = () => z.string().regex(/^\/[^\0]*$/, { error: 'expected an absolute path' });
