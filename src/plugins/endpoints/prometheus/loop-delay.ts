import type { Timers } from '../../../kernel/contracts/index.js';
import type { ExpositionBuffer } from './exposition-buffer.js';
import { Histogram } from './histogram.js';

/** How often the delay is measured, ms: each time wakes the process, which shows in its CPU time. */
const INTERVAL_MS = 250;
const BOUNDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1];

/**
 * How late the event loop serves its timers: for so long any request waits at least. Counted here and not taken from
 * `perf_hooks`, whose histogram gives percentiles since the start, from which no rate over the last minutes follows.
 */
export class LoopDelay {
  private readonly histogram = new Histogram(
    'tallyman_event_loop_delay_seconds',
    'How late the event loop served a timer.',
    BOUNDS,
  );

  constructor(timers: Timers) {
    timers.every(INTERVAL_MS, (lateMs) => this.histogram.observe(lateMs / 1000));
  }

  write(buffer: ExpositionBuffer): void {
    this.histogram.write(buffer);
  }
}
