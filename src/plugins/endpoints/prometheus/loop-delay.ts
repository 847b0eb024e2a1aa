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

  private timer: NodeJS.Timeout | undefined;

  /** Measures until the signal is aborted. Not by the plugin's timers: their calls count as calls of the plugin that succeed. */
  constructor(signal: AbortSignal) {
    this.schedule();
    signal.addEventListener('abort', () => clearTimeout(this.timer), { once: true });
  }

  write(buffer: ExpositionBuffer): void {
    this.histogram.write(buffer);
  }

  /** At multiples of the interval, when other repeated work wakes the process, too. */
  private schedule(): void {
    const now = performance.now();
    const wait = Math.ceil(Math.round(now / INTERVAL_MS + 1) * INTERVAL_MS - now);
    this.timer = setTimeout(() => {
      this.histogram.observe(Math.max(0, performance.now() - now - wait) / 1000);
      this.schedule();
    }, wait);
    this.timer.unref();
  }
}
