import { type CallOptions, type Connection, namePath } from './http.js';
import type { Event, EventType } from './types.js';

/** Selects events. */
export interface EventSelection {
  /** Absolute container name. Default `/`. */
  readonly container?: string;
  /** Whether to include descendants. Default true. */
  readonly below?: boolean;
  /** Default: all types. */
  readonly types?: readonly EventType[];
}

export interface EventHistoryQuery extends EventSelection {
  /** The newest N; −1, the default: all. */
  readonly max?: number;
  /** Inclusive. */
  readonly start?: Date;
  readonly end?: Date;
}

const OPTIONS: Readonly<Record<EventType, string>> = {
  oom: 'oom_events',
  oomKill: 'oom_kill_events',
  containerCreation: 'creation_events',
  containerDeletion: 'deletion_events',
};

/** Events of the host, by the API version at `root` (`/api/v2.0`). */
export class EventClient {
  constructor(
    private readonly connection: Connection,
    private readonly root: string,
  ) {}

  /** Past events, oldest first. */
  list(query: EventHistoryQuery = {}, options?: CallOptions): Promise<Event[]> {
    const { max = -1, start, end } = query;
    const range = { max_events: max, start_time: start, end_time: end };
    return this.connection.json(this.pathOf(query), { ...selected(query), ...range }, options);
  }

  /**
   * New events. Opens the stream at once; iterating returns events until the agent ends the stream, and
   * leaving the loop closes it. Node's `fetch` aborts a stream that is silent for five minutes: the iteration then
   * throws, and the stream must be opened again.
   * @throws ApiError
   */
  async stream(selection: EventSelection = {}, { signal }: CallOptions = {}): Promise<AsyncIterableIterator<Event>> {
    const query = { ...selected(selection), stream: true };
    const { body } = await this.connection.open(this.pathOf(selection), query, signal);
    return eventsOf(body!);
  }

  private pathOf({ container = '/' }: EventSelection): string {
    return `${this.root}/events${namePath(container)}`;
  }
}

function selected({ below = true, types }: EventSelection): Record<string, boolean> {
  const wanted =
    types === undefined ? { all_events: true } : Object.fromEntries(types.map((type) => [OPTIONS[type], true]));
  return { ...wanted, subcontainers: below };
}

/** The events of a stream: one JSON object per line. */
async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Event, void, void> {
  let rest = '';
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    for (const line of lines) if (line !== '') yield JSON.parse(line) as Event;
  }
}
