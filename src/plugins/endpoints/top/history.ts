import type { ShortHistory } from '../../../client/top/index.js';
import type { ContainerView, SampleCursor } from '../../../kernel/contracts/index.js';
import { Meter } from './measure.js';

/** The last two minutes in steps. */
const POINTS = 30;
const STEP_US = 4_000_000;

/**
 * CPU and working set of a container at the end of each step; null before the first sample.
 * @param now end of the last step, µs since the epoch
 */
export function historyOf(container: ContainerView, now: number, meter = new Meter()): ShortHistory {
  const start = now - POINTS * STEP_US;
  const window = container.samples({ start: start - STEP_US });
  const cursor = {} as SampleCursor;
  const cpu: (number | null)[] = [];
  const memory: (number | null)[] = [];
  let index = -1;
  for (let point = 1; point <= POINTS; point++) {
    const before = index;
    while (index + 1 < window.length && window.at(index + 1, cursor).time <= start + point * STEP_US) index++;
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
