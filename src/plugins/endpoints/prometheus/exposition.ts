import {
  type AgentView,
  machineMetrics,
  type PlainLabels,
  type PluginContext,
  RequestError,
  Slices,
} from '../../../kernel/contracts/index.js';
import type { AgentMetrics, SeriesCount } from './agent-metrics.js';
import type { ContainerWriter } from './container-writer.js';
import type { ExportedContainer } from './exported-container.js';
import type { ExportedContainers } from './exported-containers.js';
import type { ExpositionBuffer } from './exposition-buffer.js';
import type { Format } from './families.js';
import { LineStore } from './kept-lines.js';
import type { PrometheusOptions } from './options.js';

/** Writing yields to the event loop after this many ms. */
const SLICE_MS = 4;
/** The clock is read after this many containers. */
const CONTAINERS_PER_CHECK = 8;

/** When the client stops waiting for an answer. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Monotonic ms. */
  readonly at: number;
}

/** Writes answers: one walk over all containers, then the machine and the agent itself. */
export class Exposition {
  private readonly facts = new LineStore();
  /** Times differ between the formats. */
  private readonly samples: Readonly<Record<Format, LineStore>> = {
    text: new LineStore(),
    openMetrics: new LineStore(),
  };

  constructor(
    private readonly context: Pick<PluginContext, 'agent' | 'clock'>,
    private readonly options: PrometheusOptions,
    private readonly exportedContainers: ExportedContainers,
    private readonly containers: ContainerWriter,
    private readonly self: AgentMetrics,
  ) {}

  /**
   * Writes all series into the buffer, in slices.
   * @param namespace selects its containers; undefined: all
   * @returns the number of series of containers
   * @throws RequestError 503 when the deadline passes meanwhile
   */
  async write(buffer: ExpositionBuffer, deadline: Deadline, namespace: string | undefined): Promise<SeriesCount> {
    const count = { written: 0, cut: 0 };
    const { agent, clock } = this.context;
    const slices = new Slices(SLICE_MS, () => clock.monotonic());
    const exportedContainers = this.exportedContainers.current(namespace);
    const isWhole = namespace === undefined;
    const samples = this.samples[buffer.format];
    buffer.facts = this.facts.begin(isWhole, exportedContainers.length);
    buffer.samples = samples.begin(isWhole, exportedContainers.length);
    this.containers.applications?.begin();
    for (let i = 0; i < exportedContainers.length; i++) {
      this.writeContainer(buffer, exportedContainers[i]!, count);
      // One application may have as many series as many containers.
      const isCheckDue = i % CONTAINERS_PER_CHECK === 0 || exportedContainers[i]!.appMetrics !== undefined;
      if (!isCheckDue || !slices.isOver()) continue;
      await slices.pause();
      assertInTime(deadline, clock.monotonic());
    }
    buffer.facts = this.facts.complete(buffer.facts, isWhole);
    buffer.samples = samples.complete(buffer.samples, isWhole);
    this.exportedContainers.reported(count);
    machineMetrics(buffer.plain, agent, this.options);
    writeEngines(buffer, agent);
    if (this.options.selfMetrics) {
      this.self.write(buffer, count);
      this.containers.applications?.writeSelf(buffer, exportedContainers);
    }
    this.self.scraped(slices.spentMs);
    return count;
  }

  /** The answer in the buffer was sent. One that was given up leaves its lines to the garbage collector. */
  release({ facts, samples, format }: ExpositionBuffer): void {
    this.facts.release(facts);
    this.samples[format].release(samples);
  }

  private writeContainer(
    buffer: ExpositionBuffer,
    exported: ExportedContainer,
    count: { written: number; cut: number },
  ): void {
    const { maxSeries } = this.options;
    const { clock } = this.context;
    if (exported.facts.isNew) exported.facts.readLimits(clock.monotonic());
    const now = clock.now();
    const maxCount = this.containers.prepare(exported, now);
    // After one omitted container all others are omitted, so that the selection does not depend on their sizes.
    const isOver = count.cut > 0 || count.written + maxCount > maxSeries;
    if (maxSeries > 0 && isOver) count.cut += maxCount;
    else count.written += this.containers.write(buffer, exported, now);
  }
}

function assertInTime({ signal, at }: Deadline, now: number): void {
  if (signal.aborted) throw signal.reason;
  if (now > at) {
    throw new RequestError(503, 'the metrics could not be written within the time that the client waits for them');
  }
}

/** What images and volumes take up, of the engines that were asked. All of it comes from memory: no engine is asked. */
function writeEngines(buffer: ExpositionBuffer, agent: AgentView): void {
  for (const { runtime, endpoint, askedAt, imagesBytes, images, volumes } of agent.engineUsage()) {
    const engine = { runtime, endpoint };
    const gauge = (name: string, help: string, value: number | undefined, labels: PlainLabels = {}): void => {
      if (value !== undefined) buffer.plain(`engine_${name}`, 'gauge', help, value, { ...engine, ...labels });
    };
    gauge('usage_timestamp_seconds', 'When the engine reported what its images and volumes take up.', askedAt / 1e6);
    gauge('images_bytes', 'All images of the engine, layers that they share counted once.', imagesBytes);
    gauge('images', 'Images that the engine holds.', images.length);
    for (const [volume, bytes] of new Map(volumes.map(({ name, bytes }) => [name, bytes]))) {
      gauge('volume_bytes', 'The volume, as the engine counts it.', bytes, { volume });
    }
  }
}
