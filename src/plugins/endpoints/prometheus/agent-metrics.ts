import { type AgentView, agentMetrics } from '../../../kernel/contracts/index.js';
import type { ExpositionBuffer } from './exposition-buffer.js';
import { Histogram } from './histogram.js';
import type { LoopDelay } from './loop-delay.js';
import { writeProcess } from './process-metrics.js';

/** What one answer held of containers. */
export interface SeriesCount {
  readonly written: number;
  /** Left out because of `maxSeries`. */
  readonly cut: number;
}

const SCRAPE_BOUNDS = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** The agent about itself. */
export class AgentMetrics {
  private readonly scrapes = new Histogram(
    'tallyman_scrape_duration_seconds',
    'Time spent on writing an answer, pauses for other work left out; of earlier scrapes.',
    SCRAPE_BOUNDS,
  );

  constructor(
    private readonly agent: AgentView,
    private readonly loopDelay: LoopDelay,
  ) {}

  /** Notes how much time an answer took to write. */
  scraped(milliseconds: number): void {
    this.scrapes.observe(milliseconds / 1000);
  }

  write(buffer: ExpositionBuffer, series: SeriesCount): void {
    agentMetrics(buffer.put, this.agent);
    this.loopDelay.write(buffer);
    this.scrapes.write(buffer);
    buffer.plain('tallyman_scrape_series', 'gauge', 'Series of containers in this answer.', series.written);
    const cut = 'Series of containers that this answer lacks because of the option maxSeries.';
    buffer.plain('tallyman_scrape_series_cut', 'gauge', cut, series.cut);
    writeProcess(buffer, this.agent.self().startedAt);
  }
}
