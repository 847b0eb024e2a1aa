import type { Readable } from 'node:stream';
import { list, number, record, text, texts } from '../common/index.js';

const MAX_OBJECT = 1024 * 1024;

/** An event of a container, by Docker's names for all engines. */
export interface EngineEvent {
  readonly id: string;
  /** `create`, `start`, `die`, `destroy`, `oom`, `exec_die`, `health_status`, … without anything after a colon. */
  readonly action: string;
  /** Exit code of the container (`die`) or of the command run in it (`exec_die`). */
  readonly exitCode?: number;
  /** µs since the epoch by the engine's clock; 0: unknown. */
  readonly time: number;
}

/**
 * Cuts a stream of JSON objects into the texts of single objects. It needs neither one object per chunk nor a newline
 * between two objects; a newline ends a broken one.
 */
export class JsonSplitter {
  private decoder = new TextDecoder();
  private pending = '';
  private scanned = 0;
  private depth = 0;
  private inString = false;
  private escaped = false;

  /** @returns the texts completed by this chunk; they may still not be JSON */
  push(chunk: Uint8Array): string[] {
    const texts: string[] = [];
    this.pending += this.decoder.decode(chunk, { stream: true });
    let start = 0;
    for (let index = this.scanned; index < this.pending.length; index++) {
      if (!this.endsObject(this.pending.charCodeAt(index))) continue;
      const object = this.pending.slice(start, index + 1).trim();
      if (object !== '') texts.push(object);
      start = index + 1;
    }
    this.pending = this.pending.slice(start);
    if (this.pending.length > MAX_OBJECT) {
      this.pending = '';
      this.reset();
    }
    this.scanned = this.pending.length;
    return texts;
  }

  private reset(): void {
    this.depth = 0;
    this.inString = false;
    this.escaped = false;
  }

  private endsObject(code: number): boolean {
    if (code === 10) {
      this.reset();
      return true;
    }
    if (this.inString) {
      if (this.escaped) this.escaped = false;
      else if (code === 92) this.escaped = true;
      else if (code === 34) this.inString = false;
      return false;
    }
    if (code === 34) this.inString = true;
    else if (code === 123) this.depth++;
    else if (code === 125 && this.depth > 0) return --this.depth === 0;
    return false;
  }
}

/** Podman's names of Docker's events. */
const SYNONYMS: Readonly<Record<string, string>> = {
  died: 'die',
  remove: 'destroy',
  exec_died: 'exec_die',
};

/** @returns the event, `undefined` when the text is not JSON, `'other'` when it is not about a container */
export function parseEvent(line: string): EngineEvent | 'other' | undefined {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return undefined;
  }
  const event = record(json);
  const actor = record(event.Actor);
  const id = text(actor.ID) || text(event.id);
  const words = text(event.Action) || text(event.status);
  if (text(event.Type) !== 'container' || id === '' || words === '') return 'other';
  const attributes = record(actor.Attributes);
  const action = words.split(':', 1)[0]!;
  const exitCode = Number(text(attributes.exitCode) || text(attributes.containerExitCode) || Number.NaN);
  const nanoseconds = number(event.timeNano) ?? (number(event.time) ?? 0) * 1e9;
  return {
    id,
    action: SYNONYMS[action] ?? action,
    time: Math.floor(nanoseconds / 1000),
    ...(Number.isInteger(exitCode) ? { exitCode } : {}),
  };
}

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
 * The `since` by which an engine repeats what followed an event. It includes the event itself: its time is known to
 * the microsecond only.
 * @param time µs since the epoch
 */
export function sinceText(time: number): string {
  return `${Math.floor((time - 1) / 1e6)}.${String((time - 1) % 1e6).padStart(6, '0')}`;
}

/** A container as the engine's list of all containers gives it. */
export interface ContainerSummary {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly imageId: string;
  /** `running`, `exited`, … */
  readonly state: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** @returns the containers of a list answer, `undefined` when it is no list; entries without an id are left out */
export function parseSummaries(answer: unknown): ContainerSummary[] | undefined {
  if (!Array.isArray(answer)) return undefined;
  return answer
    .map((item) => record(item))
    .filter((item) => text(item.Id) !== '')
    .map((item) => ({
      id: text(item.Id),
      name: text(list(item.Names)[0]).replace(/^\//, ''),
      image: text(item.Image),
      imageId: text(item.ImageID),
      state: text(item.State),
      labels: texts(item.Labels),
    }));
}
