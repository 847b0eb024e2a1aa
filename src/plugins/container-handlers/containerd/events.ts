import { type RunEnd, wire } from '../common/index.js';
import { type Envelope, EVENT, TASK_EXIT } from './api.js';

/** What an event means to the container `id` of `namespace`. */
export interface ContainerdEvent {
  readonly namespace: string;
  readonly id: string;
  /** `changed`: it is to be asked about. */
  readonly kind: 'changed' | 'started' | 'ended' | 'outOfMemory' | 'removed';
  /** When, µs since the epoch; 0: unknown. */
  readonly time: number;
  /** With `ended`. */
  readonly end?: RunEnd;
}

const KINDS: Readonly<Record<string, ContainerdEvent['kind']>> = {
  '/containers/create': 'changed',
  '/containers/update': 'changed',
  '/containers/delete': 'removed',
  '/tasks/create': 'changed',
  '/tasks/start': 'started',
  '/tasks/paused': 'changed',
  '/tasks/resumed': 'changed',
  '/tasks/oom': 'outOfMemory',
  '/tasks/exit': 'ended',
};

/** @returns the event, `undefined` when it is about nothing that is published; throws when its content cannot be read */
export function readEvent({ namespace, topic, timestamp, event }: Envelope): ContainerdEvent | undefined {
  const kind = KINDS[topic];
  if (kind === undefined || event === undefined) return undefined;
  const time = wire.microseconds(timestamp) ?? 0;
  if (kind !== 'ended') {
    const { id } = EVENT.decode(event.value);
    return id === '' ? undefined : { namespace, id, kind, time };
  }
  const { containerId, id, exitStatus, exitedAt } = TASK_EXIT.decode(event.value);
  // Else a command that was run in it.
  if (containerId === '' || id !== containerId) return undefined;
  return { namespace, id, kind, time, end: { exitCode: exitStatus, time: wire.microseconds(exitedAt) ?? time } };
}
