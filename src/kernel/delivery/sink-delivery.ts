import { type AgentView, type Logger, messageOf, type Sink, type SinkStatus, Slices } from '../contracts/index.js';
import type { Pace } from '../supervision/index.js';
import { Batcher } from './batcher.js';
import { SampleCollector, type Subject } from './collector.js';
import { DiskQueue } from './disk-queue.js';
import { EndedContainers } from './ended-containers.js';
import { BatchQueue, inMemory } from './queue.js';
import { DeliveryCounts, Sender, type SenderServices } from './sender.js';

const MEMORY_QUEUE_BYTES = 16 * 2 ** 20;
const DISK_QUEUE_BYTES = 2 ** 30;
/** Share of the time of a stop that is for sending; the rest is for the sink's own `stop`. */
const FLUSH_SHARE = 0.8;

/** What the delivery of one sink needs. */
export interface SinkServices extends SenderServices {
  readonly agent: AgentView;
  /** Counts and logs an error that the sink must not throw. */
  readonly fault: (what: string, error: unknown) => void;
  /** Attributes time to the plugin that none of its calls was measured for, ms. */
  readonly spent: (ms: number) => void;
}

/** Collects, encodes, queues and sends the samples of one sink. */
export class SinkDelivery implements Pace {
  stretch = 1;
  readonly queue: BatchQueue;
  private readonly collector: SampleCollector;
  private readonly batcher: Batcher;
  private readonly sender: Sender;
  private round: Promise<void> = Promise.resolve();
  private stopRounds: () => void = () => {};
  private isDropping = false;
  private isStopped = false;
  /** Intervals since the last round. */
  private passed = 0;
  private readonly disk: DiskQueue | undefined;
  private readonly endedContainers: EndedContainers | undefined;
  /** The instance that this one replaces, until its series are compared with those of this one. */
  private before: SinkDelivery | undefined;
  /** Includes the directories of earlier options while batches wait in them. */
  private readonly disks: DiskQueue[] = [];
  readonly counts: DeliveryCounts;

  /** @param before the suspended instance that this one replaces; its queue is taken over */
  constructor(
    private readonly sink: Sink,
    private readonly services: SinkServices,
    before?: SinkDelivery,
  ) {
    const { options } = sink;
    const { agent, clock, logger } = services;
    const { directory, size } = options.queue;
    const maxBytes = size ?? (directory === undefined ? MEMORY_QUEUE_BYTES : DISK_QUEUE_BYTES);
    const maxMemoryBytes = directory === undefined ? maxBytes : Math.min(maxBytes, MEMORY_QUEUE_BYTES);
    this.counts = before?.counts ?? new DeliveryCounts();
    this.queue = new BatchQueue(maxBytes, maxMemoryBytes, (reason, batch) => {
      this.counts.drop(reason, batch.points);
      this.sender.lost(batch.points);
      this.warnOfDrops(logger);
    });
    this.collector = new SampleCollector(agent, clock, logger, sink, before?.collector);
    this.batcher = new Batcher(sink);
    this.sender = new Sender(sink, this.queue, this.counts, services);
    if (before !== undefined) {
      this.queue.adopt(before.queue.all);
      this.disks.push(...before.disks);
    }
    if (directory !== undefined) this.disk = this.diskAt(directory, maxBytes);
    if (this.disk !== undefined && sink.state !== undefined) {
      this.endedContainers = new EndedContainers(sink, this.disk, agent, clock);
    }
    // Else the state on disk has what it sent.
    const hasState = before?.endedContainers !== undefined && before.disk === this.disk;
    if (!hasState) this.before = before;
  }

  private diskAt(directory: string, maxBytes: number): DiskQueue {
    const known = this.disks.find((disk) => disk.directory === directory);
    if (known !== undefined) return known;
    const disk = new DiskQueue(directory, maxBytes, this.services.logger, (batches) => this.queue.adopt(batches));
    this.disks.push(disk);
    return disk;
  }

  /** Begins to take and send samples. */
  async start(): Promise<void> {
    if (this.disk !== undefined) await this.disk.open();
    if (this.isStopped) return;
    this.sender.resume();
    this.stopRounds = this.services.timers.every(this.intervalMs, () => {
      this.passed++;
      if (this.passed < this.stretch) return undefined;
      this.passed = 0;
      this.round = this.takeRound();
      return this.round;
    });
  }

  get intervalMs(): number {
    return this.sink.options.interval;
  }

  /** All samples of an interval are sent whenever that is. */
  get isCheaperWhenStretched(): boolean {
    return this.sink.options.resolution !== 'all';
  }

  /**
   * Sends new and waiting samples, as far as the receiver takes them within the time.
   * @returns data points that could not be delivered and are not on disk either
   */
  async finish(limitMs: number): Promise<number> {
    const end = performance.now() + limitMs * FLUSH_SHARE;
    await this.endRounds();
    await this.sender.flush(Math.max(0, end - performance.now()));
    return this.close();
  }

  /** Closes the queues on disk, after everything else has ended. @returns data points that are only in memory */
  async close(): Promise<number> {
    for (const disk of this.disks) await disk.close();
    return this.queue.all.reduce((sum, { points, stored }) => sum + (stored.isInMemory ? points : 0), 0);
  }

  /** Stops sending; new samples go into the queue. */
  async suspend(): Promise<void> {
    await this.endRounds();
    await this.sender.stop();
  }

  private async endRounds(): Promise<void> {
    this.isStopped = true;
    this.stopRounds();
    await this.round;
    await this.takeSamples(true);
  }

  status(): SinkStatus {
    const { queue, disk } = this;
    const { oldest } = queue;
    const { failure } = this.sender;
    const { sent, dropped, lastSentAt, retries, attempts, attemptMs } = this.counts;
    return {
      queue: {
        batches: queue.length,
        points: queue.points,
        bytes: queue.bytes,
        maxBytes: queue.maxBytes,
        ...(oldest !== undefined && { oldest }),
        ...(disk !== undefined && { directory: disk.directory }),
        ...(disk?.error !== undefined && { diskError: disk.error }),
      },
      sent: { ...sent },
      dropped: { ...dropped },
      retries,
      attempts,
      attemptMs,
      ...(failure !== undefined && { failure }),
      ...(lastSentAt !== undefined && { lastSentAt }),
      intervalMs: this.intervalMs * this.stretch,
      stretch: this.stretch,
    };
  }

  /** Takes samples, and attributes to the plugin what it takes after the timer's call has returned. */
  private async takeRound(): Promise<void> {
    const slices = this.slices();
    const round = this.takeSamples(false, slices);
    const measuredMs = slices.spentMs;
    await round;
    this.services.spent(slices.spentMs - measuredMs);
  }

  private slices(): Slices {
    return new Slices(undefined, () => this.services.clock.monotonic());
  }

  /** Encodes new samples. @param all whether incomplete batches are queued as well */
  private async takeSamples(all: boolean, slices = this.slices()): Promise<void> {
    const { clock } = this.services;
    const { living, ended } = this.collector.current();
    if (this.before !== undefined) await this.endUnselected(this.before, living);
    // Ends come first: a container may have been created again under its name.
    for (const container of ended) {
      this.endOf(container);
      await this.after(container, slices);
    }
    for (const container of living) {
      this.takeOf(container);
      if (this.batcher.isFull(container.lane) || slices.isOver()) await this.after(container, slices);
    }
    try {
      await this.endedContainers?.round(living, this.batcher);
      if (all) await this.endedContainers?.save(living);
    } catch (error) {
      this.services.fault('state', error);
    }
    for (const lane of this.batcher.due(clock.monotonic(), all)) await this.enqueue(lane);
  }

  /** Ends what the instance before sent and this one does not: it is no longer selected, or has other labels now. */
  private async endUnselected(before: SinkDelivery, living: readonly Subject[]): Promise<void> {
    this.before = undefined;
    const keyOf = ({ labels }: Subject) => JSON.stringify(labels);
    const selected = new Set(living.map(keyOf));
    const former = before.collector.current();
    for (const container of [...former.ended, ...former.living]) {
      if (!selected.has(keyOf(container))) before.endOf(container);
    }
    for (const lane of before.batcher.due(this.services.clock.monotonic(), true)) await this.enqueue(lane, before);
  }

  /** Queues the batch of the container's lane if it is complete, and lets others work when it is time. */
  private async after({ lane }: Subject, slices: Slices): Promise<void> {
    if (this.batcher.isFull(lane)) await this.enqueue(lane);
    if (slices.isOver()) await slices.pause();
  }

  private takeOf(container: Subject): void {
    const nowMs = this.services.clock.monotonic();
    this.guarded(container, () => this.collector.collect(container, () => this.batcher.add(this.collector, nowMs)));
  }

  private endOf(container: Subject): void {
    const { clock } = this.services;
    this.guarded(container, () => this.batcher.end(container, clock.now(), clock.monotonic()));
  }

  /** A container that the sink cannot encode is left out. */
  private guarded(container: Subject, call: () => void): void {
    try {
      call();
    } catch (error) {
      this.services.fault('encode', new Error(`${container.name}: ${messageOf(error)}`, { cause: error }));
    }
  }

  private async enqueue(lane: number, { batcher, sink }: SinkDelivery = this): Promise<void> {
    try {
      const packed = await batcher.take(lane);
      const { body, ...batch } = packed;
      const { format } = sink;
      const stored = (await this.disk?.add(packed, format)) ?? inMemory(body);
      this.queue.add({ ...batch, size: body.length, format, attempts: 0, stored });
      this.isDropping = this.isDropping && this.sender.failure !== undefined;
      this.sender.pump();
    } catch (error) {
      this.services.fault('pack', error);
    }
  }

  /** Once until the receiver takes batches again. */
  private warnOfDrops(logger: Logger): void {
    if (this.isDropping) return;
    this.isDropping = true;
    const limit = `queue.size, ${this.queue.maxBytes} bytes`;
    logger.warn(`the queue is full (${limit}): the oldest batches are dropped until the receiver takes them`);
  }
}
