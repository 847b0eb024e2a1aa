import type { Readable } from 'node:stream';
import { type EngineEvent, JsonSplitter, parseEvent } from './events.js';

/**
 * Hands out the container events of a stream.
 * @param onGarbage gets what is not JSON
 * @returns rejects when the stream ends, whichever way it does
 */
export function followEvents(
  stream: Readable,
  onEvent: (event: EngineEvent) => void,
  onGarbage: (line: string) => void,
): Promise<never> {
  const splitter = new JsonSplitter();
  return new Promise((_, reject) => {
    stream.on('data', (chunk: Uint8Array) => {
      for (const line of splitter.push(chunk)) {
        const event = parseEvent(line);
        if (event === undefined) onGarbage(line);
        else if (event !== 'other') onEvent(event);
      }
    });
    stream.once('error', reject);
    stream.once('aborted', () => reject(new Error('the connection was reset')));
    stream.once('close', () => reject(new Error('the event stream ended')));
  });
}

/**
 * The `since` by which an engine tells again what followed an event. It includes the event itself: its time is known to
 * the microsecond only.
 * @param time µs since the epoch
 */
export function sinceText(time: number): string {
  return `${Math.floor((time - 1) / 1e6)}.${String((time - 1) % 1e6).padStart(6, '0')}`;
}
