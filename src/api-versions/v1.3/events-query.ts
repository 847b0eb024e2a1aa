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

/** The query option by which each type of event is asked for. */
const OPTIONS: Readonly<Record<EventType, string>> = {
  oom: 'oom_events',
  oomKill: 'oom_kill_events',
  containerCreation: 'creation_events',
  containerDeletion: 'deletion_events',
};

/** What an `events` request asks for. */
export type EventsRequest =
  | { readonly stream: true; readonly filter: EventFilter }
  | { readonly stream: false; readonly query: EventQuery };

/**
 * Reads the options of an `events` request (contract 6). What cannot be parsed counts as absent; the name is taken as it
 * is, whether or not there is such a container.
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
