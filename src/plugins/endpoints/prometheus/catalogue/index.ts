import { cpuFamilies } from './cpu.js';
import { diskFamilies } from './disk.js';
import { memoryFamilies } from './memory.js';
import { otherFamilies } from './other.js';
import type { Feed, SampledFamily } from './types.js';

export type { FamilyType, Feed, SampledFamily } from './types.js';

/** Every family that is filled from samples under a name of cAdvisor's. */
export const SAMPLED_FAMILIES: readonly SampledFamily[] = [
  ...cpuFamilies,
  ...memoryFamilies,
  ...diskFamilies,
  ...otherFamilies,
];

/** A feed with its family; the rank is its place in the family's order of preference. */
export interface RankedFeed {
  readonly family: SampledFamily;
  readonly feed: Feed;
  readonly rank: number;
}

const byField: ReadonlyMap<string, readonly RankedFeed[]> = index();

function index(): Map<string, RankedFeed[]> {
  const feeds = new Map<string, RankedFeed[]>();
  for (const family of SAMPLED_FAMILIES) {
    for (const [rank, feed] of family.feeds.entries()) {
      feeds.set(feed.field, [...(feeds.get(feed.field) ?? []), { family, feed, rank }]);
    }
  }
  return feeds;
}

/** The families that a field feeds; empty for a field that cAdvisor has no name for. */
export function feedsOf(field: string): readonly RankedFeed[] {
  return byField.get(field) ?? byField.get(`${field.split('.', 1)[0]}.*`) ?? [];
}
