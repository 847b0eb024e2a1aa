import type { Limit, ResourceLimits } from '../../../kernel/contracts/index.js';

/** From this value on a limit of cgroup v1 means none (the kernel has 2^63 less a page). */
const NO_LIMIT = 2n ** 62n;

/** @returns undefined for no limit */
export function finiteLimit(limit: Limit | undefined): bigint | undefined {
  return limit === undefined || limit === 'unlimited' || limit >= NO_LIMIT || limit <= 0n ? undefined : limit;
}

/** CPUs that the quota allows; undefined without one. */
export function coresLimit({ cpu: { quota, period } }: ResourceLimits): number | undefined {
  return quota === undefined || !period ? undefined : Number(quota) / Number(period);
}

/** Bytes; undefined without a limit. */
export function memoryLimit({ memory }: ResourceLimits): number | undefined {
  const limit = finiteLimit(memory.limit);
  return limit === undefined ? undefined : Number(limit);
}
