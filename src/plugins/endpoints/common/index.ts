import type { Answer, Limit, ResourceLimits } from '../../../kernel/contracts/index.js';

/** What changes with every request must not be kept by caches. */
export const NO_STORE = { headers: { 'Cache-Control': 'no-store' } } as const;

/** @param more status and headers */
export function jsonAnswer(value: unknown, more: Omit<Answer, 'body'> = {}): Answer {
  return { ...more, body: (out) => out.json(value) };
}

/** RFC 3339, UTC. @param time µs since the epoch */
export function timeText(time: number): string {
  return new Date(time / 1000).toISOString();
}

/** From this value on a limit of cgroup v1 means none (the kernel has 2^63 less a page). */
const NO_LIMIT = 2 ** 62;

/** @returns undefined for no limit */
export function finiteLimit(limit: Limit | undefined): number | undefined {
  const number = limit === undefined || limit === 'unlimited' ? 0 : Number(limit);
  return number > 0 && number < NO_LIMIT ? number : undefined;
}

/** CPUs that the quota allows; undefined without one. */
export function coresLimit({ cpu: { quota, period } }: ResourceLimits): number | undefined {
  return quota === undefined || !period ? undefined : Number(quota) / Number(period);
}
