import type { AgentView } from './agent-view.js';
import { badRequest } from './errors.js';
import { parseDuration } from './options.js';

/** The options that say which containers a request is about: those of every v2 request, and of metrics. */
export interface RequestOptions {
  /** `name`: by absolute name; anything else is a namespace, in which containers are found by alias. */
  readonly type: string;
  /** The newest N samples; −1: all. */
  readonly count: number;
  /** Whether containers below are wanted too. */
  readonly recursive: boolean;
  /** µs: containers whose latest sample is older are sampled now; undefined: whatever there is. */
  readonly maxAge: number | undefined;
}

/** Understood also on hosts where none of their containers is. */
const TYPES: readonly string[] = ['name', 'docker', 'podman', 'containerd', 'crio'];
const DEFAULT_COUNT = 64;
const MAX_COUNT = 2 ** 32 - 1;

/** Knows the namespaces of all handlers, also of those that others wrote. */
export type Namespaces = Pick<AgentView, 'containersOf'>;

/** Reads the options; the first of repeated ones counts, an empty one is absent. @throws RequestError 400 */
export function parseRequestOptions(query: URLSearchParams, namespaces: Namespaces): RequestOptions {
  const type = query.get('type') || 'name';
  if (!TYPES.includes(type) && namespaces.containersOf(type).length === 0) {
    throw badRequest(`unknown 'type' ${JSON.stringify(type)}`);
  }
  return {
    type,
    count: parseCount(query.get('count') || undefined),
    recursive: query.get('recursive') === 'true',
    maxAge: parseMaxAge(query.get('max_age') || undefined),
  };
}

function parseCount(text: string | undefined): number {
  if (text === undefined) return DEFAULT_COUNT;
  const count = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(count) || count > MAX_COUNT) throw badRequest(`failed to parse 'count' option: ${text}`);
  if (count < -1) {
    throw badRequest(`invalid 'count' option: only -1 and larger values allowed, not ${text}`);
  }
  return count;
}

function parseMaxAge(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const milliseconds = parseDuration(text);
  if (milliseconds === undefined) {
    throw badRequest(`failed to parse 'max_age' option: ${text} is not a duration such as 10s or 1m30s`);
  }
  return milliseconds * 1000;
}
