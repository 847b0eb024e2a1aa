import type { ContainerView, SampleCursor } from '../../../kernel/contracts/index.js';
import { Meter } from './measure.js';

/** The last two minutes in steps. */
export const HISTORY = { points: 30, stepUs: 4_000_000 } as const;

/** CPU in cores and working set in bytes at the end of each step, oldest first; null before the first sample. */
export interface ShortHistory {
  readonly cpu: (number | null)[];
  readonly memory: (number | null)[];
}

/** The short history of a container. @param now end of the last step, µs since the epoch */
export function historyOf(container: ContainerView, now: number, meter = new Meter()): ShortHistory {
  const { points, stepUs } = HISTORY;
  const start = now - points * stepUs;
  const window = container.samples({ start: start - stepUs });
  const cursor = {} as SampleCursor;
  const cpu: (number | null)[] = [];
  const memory: (number | null)[] = [];
  let index = -1;
  for (let point = 1; point <= points; point++) {
    const before = index;
    while (index + 1 < window.length && window.at(index + 1, cursor).time <= start + point * stepUs) index++;
    // An idle container is sampled rarely: until the next sample it is as it was.
    if (index !== before || point === 1) meter.at(window, index);
    cpu.push(known(meter.value('cpu'), 3));
    memory.push(known(meter.value('memory'), 0));
  }
  return { cpu, memory };
}

function known(value: number, digits: number): number | null {
  return Number.isFinite(value) ? Number(value.toFixed(digits)) : null;
}
