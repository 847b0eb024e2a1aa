import type {
  Answer,
  ContainerEvent,
  EventFilter,
  PluginContext,
  RequestHandler,
  StreamedAnswer,
} from '../../kernel/contracts/index.js';
import { EventStream, LinePrinter, SlowReaders, writeEvent } from './event-stream.js';
import { eventsRequest } from './events-query.js';

export type EventsContext = Pick<PluginContext, 'agent' | 'logger' | 'signal'>;

const EVENTS_PER_STEP = 100;

/** The handler of `events`: past events, or a stream of new ones. */
export function eventsHandler(context: EventsContext): RequestHandler {
  const streams = new EventStreams(context);
  return (request) => {
    const wanted = eventsRequest(request);
    return wanted.stream ? streams.open(wanted.filter) : history(context.agent.events.query(wanted.query));
  };
}

function history(events: readonly ContainerEvent[]): Answer {
  return {
    *body(out) {
      out.ascii('[');
      for (const [index, event] of events.entries()) {
        if (index > 0) out.ascii(',');
        writeEvent(out, event);
        if (index % EVENTS_PER_STEP === 0) yield;
      }
      out.ascii(']');
    },
  };
}

/** The open streams of one API version; they end with its plugin. */
class EventStreams {
  private readonly running = new Set<EventStream>();
  private readonly slowReaders: SlowReaders;
  private readonly lines = new LinePrinter();

  constructor(private readonly context: EventsContext) {
    this.slowReaders = new SlowReaders(context.logger);
    context.signal.addEventListener('abort', () => {
      for (const stream of this.running) stream.close();
    });
  }

  open(filter: EventFilter): StreamedAnswer {
    const end = this.context.agent.events.subscribe(filter, (event) => stream.push(this.lines.of(event)));
    const stream: EventStream = new EventStream(
      () => {
        end();
        this.running.delete(stream);
      },
      () => this.slowReaders.ended(),
    );
    this.running.add(stream);
    return { stream };
  }
}
