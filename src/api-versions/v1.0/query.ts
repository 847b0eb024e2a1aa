import { type ApiRequest, badRequest, messageOf, type SampleQuery } from '../../kernel/contracts/index.js';
import { parseTime } from './time.js';

export interface ContainerQuery {
  readonly samples: SampleQuery;
  /** True when the time range is empty. */
  readonly empty?: boolean;
}

const DEFAULT_COUNT = 60;

/**
 * Parses the body of a v1 container request: absent members have defaults, keys are matched
 * case-insensitively, text after the first JSON value is ignored.
 * @throws RequestError 400
 */
export async function containerQuery(request: ApiRequest): Promise<ContainerQuery> {
  const body = (await request.text()).trimStart();
  return body === '' ? { samples: { count: DEFAULT_COUNT } } : readQuery(firstValue(body));
}

function readQuery(value: unknown): ContainerQuery {
  if (value === null) return { samples: { count: DEFAULT_COUNT } };
  if (typeof value !== 'object' || Array.isArray(value)) throw undecodable('an object was expected');
  let count = DEFAULT_COUNT;
  let start: number | undefined;
  let end: number | undefined;
  for (const [key, member] of Object.entries(value)) {
    if (member === null) continue;
    const name = key.toLowerCase();
    if (name === 'num_stats') count = readCount(member);
    else if (name === 'start') start = readTime(name, member)?.ceiling;
    else if (name === 'end') end = readTime(name, member)?.floor;
  }
  const samples = { count, ...(start !== undefined && { start }), ...(end !== undefined && { end }) };
  return { samples, empty: start !== undefined && end !== undefined && start > end };
}

function readCount(value: unknown): number {
  if (typeof value !== 'number' || !Number.isInteger(value)) {
    throw undecodable(`num_stats must be an integer, not ${JSON.stringify(value)}`);
  }
  if (value < -1) throw badRequest(`invalid num_stats ${value}: -1 asks for all samples, 0 for none`);
  return value;
}

function readTime(key: string, value: unknown): { floor: number; ceiling: number } | undefined {
  const time = typeof value === 'string' ? parseTime(value) : undefined;
  if (time === undefined) {
    throw undecodable(`${key} must be a time such as "2026-11-24T11:07:19.784Z", not ${JSON.stringify(value)}`);
  }
  return time.zero ? undefined : time;
}

function undecodable(detail: string): Error {
  return badRequest(`unable to decode the json value: ${detail}`);
}

function firstValue(text: string): unknown {
  try {
    return JSON.parse(text.slice(0, endOfFirstValue(text)));
  } catch (error) {
    throw undecodable(messageOf(error));
  }
}

function endOfFirstValue(text: string): number {
  if (text[0] !== '{' && text[0] !== '[')
    return /^("(\\.|[^"\\])*"|[^\s,:[\]{}"]+)/s.exec(text)?.[0].length ?? text.length;
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (quoted) {
      if (char === '\\') i++;
      else if (char === '"') quoted = false;
    } else if (char === '"') quoted = true;
    else if (char === '{' || char === '[') depth++;
    else if ((char === '}' || char === ']') && --depth === 0) return i + 1;
  }
  return text.length;
}
