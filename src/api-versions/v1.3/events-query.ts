import {
  type ApiRequest,
  badRequest,
  EVENT_TYPES,
  type EventFilter,
  type EventQuery,
  type EventType,
} from '../../kernel/contracts/index.js';
import { parseTime } from '../v1.0/index.js';

const TRUE = ['1', 't', 'T', 'TRUE', 'true', 'True'];
const DEFAULT_MAX = 10;

/** The query option of each type of event. */
const OPTIONS: Readonly<Record<EventType, string>> = {
  oom: 'oom_events',
  oomKill: 'oom_kill_events',
  containerCreation: 'creation_events',
  containerDeletion: 'deletion_events',
};

export type EventsRequest =
  | { readonly stream: true; readonly filter: EventFilter }
  | { readonly stream: false; readonly query: EventQuery };

/**
 * Parses the options of an `events` request. Malformed options count as absent; the name is not checked
 * for existence.
 * @throws RequestError 400
 */
export function eventsRequest({ query, containerName }: ApiRequest): EventsRequest {
  const start = parseTime(query.get('start_time') ?? '');
  const end = parseTime(query.get('end_time') ?? '');
  const filter = {
    containerName,
    below: isTrue(query, 'subcontainers'),
    types: new Set(EVENT_TYPES.filter((type) => isTrue(query, 'all_events') || isTrue(query, OPTIONS[type]))),
  };
  if (isTrue(query, 'stream')) {
    if (isSet(start) || isSet(end)) {
      throw badRequest('for a call to watch, request.StartTime and request.EndTime must be uninitialized');
    }
    return { stream: true, filter };
  }
  const bounds = { ...(isSet(start) && { start: start.ceiling }), ...(isSet(end) && { end: end.floor }) };
  return { stream: false, query: { ...filter, ...bounds, max: maxEvents(query.get('max_events') ?? '') } };
}

function isTrue(query: URLSearchParams, option: string): boolean {
  return TRUE.includes(query.get(option) ?? '');
}

function isSet<T extends { zero: boolean }>(time: T | undefined): time is T {
  return time !== undefined && !time.zero;
}

function maxEvents(text: string): number {
  const max = /^[+-]?\d+$/.test(text) ? Number(text) : DEFAULT_MAX;
  if (max < -1) throw badRequest(`invalid max_events ${text}: -1 asks for all events, 0 for none`);
  return Number.isSafeInteger(max) ? max : DEFAULT_MAX;
}
