import { type ContainerEvent, EVENT_TYPES, type EventType } from '../../../src/kernel/contracts/index.js';
import { EventStore } from '../../../src/kernel/events/index.js';
import { extraNanoseconds, type JsonObject, microseconds } from './recorded-samples.js';

/** A store that keeps everything. */
export function keptEvents(events: Iterable<ContainerEvent> = []): EventStore {
  const store = new EventStore(() => ({ age: -1, count: -1 }));
  for (const event of events) store.add(event);
  return store;
}

/** The events of recorded answers (JSON lists, or lines), each once. */
export function recordedEvents(bodies: readonly string[]): ContainerEvent[] {
  const found = new Map<string, ContainerEvent>();
  for (const body of bodies) {
    const list = body.startsWith('[')
      ? JSON.parse(body)
      : body
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line));
    for (const event of list as JsonObject[]) found.set(JSON.stringify(event), eventFromJson(event));
  }
  return [...found.values()];
}

function eventFromJson(event: JsonObject): ContainerEvent {
  const { oom, container_deletion: deletion } = event.event_data as Record<string, JsonObject | undefined>;
  const type = EVENT_TYPES.find((known) => known === event.event_type) as EventType;
  return {
    containerName: event.container_name as string,
    time: microseconds(event.timestamp as string),
    timeExtraNs: extraNanoseconds(event.timestamp as string),
    type,
    ...(oom !== undefined && {
      oom: {
        pid: oom.pid as number,
        processName: oom.process_name as string,
        ...(oom.constraint !== undefined && { constraint: oom.constraint as string }),
      },
    }),
    ...(deletion !== undefined && { exitCode: deletion.exit_code as number }),
  };
}
