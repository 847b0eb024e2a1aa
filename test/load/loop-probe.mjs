// Loaded into the agent by `--import`: measures its event loop's delay while told to. Costs nothing otherwise.
import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 10;
const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
/** The histogram holds the time between two wakings of a timer, so the timer's own interval is taken off. */
const delay = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);

process.on('message', (message) => {
  if (message === 'start measuring') {
    histogram.reset();
    histogram.enable();
  } else if (message === 'stop measuring') {
    histogram.disable();
    process.send({
      p50: delay(histogram.percentile(50)),
      p99: delay(histogram.percentile(99)),
      max: delay(histogram.max),
    });
  }
});
process.channel?.unref();
