import type { Answer } from '../../../kernel/contracts/index.js';

/** What changes with every request must not be kept by caches. */
export const NO_STORE = { headers: { 'Cache-Control': 'no-store' } } as const;

/** @param more status and headers */
export function jsonAnswer(value: unknown, more: Omit<Answer, 'body'> = {}): Answer {
  return { ...more, body: (out) => out.json(value) };
}

/** RFC 3339, UTC. @param time µs since the epoch */
export function timeText(time: number): string {
  return new Date(time / 1000).toISOString();
}
