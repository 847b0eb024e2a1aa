import type { Lifecycle } from '../composition/index.js';
import type { Container, ContainerObserver, ContainerStore } from '../containers/index.js';
import { type Clock, type Logger, messageOf } from '../contracts/index.js';
import { DAY_US, type KeptMinutes } from '../history/index.js';
import { SAMPLING } from '../housekeeping/index.js';
import { readMinutes, writeMinutes } from './minute-file.js';

/** Pause between two writes, ms. A killed agent loses this much at most. */
const INTERVAL_MS = 600_000;

export interface MinuteKeeperOptions {
  readonly file: string;
  readonly containers: Pick<ContainerStore, 'all' | 'get'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The file is read after this, and not written before. */
  readonly begin: Promise<void>;
}

/** Keeps the minutes of the last day in a file, so that summaries survive a restart of the agent. */
export class MinuteKeeper implements Lifecycle, ContainerObserver {
  /** Minutes of containers that were not found yet. */
  private kept = new Map<string, KeptMinutes>();
  private loading: Promise<void> | undefined;
  /** Whether reading the file has not begun: written now it would lose what it has. */
  private isAwaited = false;
  private saving: Promise<void> = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;
  private warning = '';

  constructor(private readonly options: MinuteKeeperOptions) {}

  /** Does not wait for the file: containers that exist before it is read get their minutes afterwards. */
  start(): void {
    this.isAwaited = true;
    void this.options.begin.then(() => {
      this.isAwaited = false;
      this.loading = this.load();
    });
    this.timer = setInterval(() => void this.save(), INTERVAL_MS);
    this.timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.save();
  }

  added(container: Container): void {
    const kept = this.kept.get(container.name);
    const sampling = container.get(SAMPLING);
    if (kept === undefined || sampling === undefined) return;
    sampling.summarizer.restore(kept, this.options.clock.now());
    this.kept.delete(container.name);
  }

  /** Settles when the file was read. */
  async loaded(): Promise<void> {
    await this.options.begin;
    await this.loading;
  }

  /** Writes the file. Failures are logged once per cause. */
  async save(): Promise<void> {
    if (this.isAwaited) return;
    await this.loading;
    this.saving = this.saving.then(() => this.write());
    return this.saving;
  }

  private async load(): Promise<void> {
    const { file, containers, clock } = this.options;
    try {
      const horizon = clock.now() - DAY_US;
      const found = await readMinutes(file);
      this.kept = new Map([...found].filter(([, { endedAt }]) => endedAt > horizon));
      for (const container of containers.all()) this.added(container);
    } catch (error) {
      this.options.logger.warn(`the minutes of the last day begin anew: ${messageOf(error)}`);
    }
  }

  private async write(): Promise<void> {
    const { file, logger } = this.options;
    try {
      const leftOut = await writeMinutes(file, this.all());
      this.warnOnce(
        leftOut === 0 ? '' : `${leftOut} containers do not fit into ${file}: their minutes end with the agent`,
      );
    } catch (error) {
      this.warnOnce(`the minutes of the last day are not kept: ${messageOf(error)}`);
    }
    logger.debug(`wrote ${file}`);
  }

  private warnOnce(text: string): void {
    if (text !== '' && text !== this.warning) this.options.logger.warn(text);
    this.warning = text;
  }

  private *all(): Generator<readonly [string, KeptMinutes]> {
    const horizon = this.options.clock.now() - DAY_US;
    const { containers } = this.options;
    for (const container of containers.all()) {
      const kept = container.get(SAMPLING)?.summarizer.kept();
      if (kept !== undefined) yield [container.name, kept];
    }
    for (const entry of this.kept) {
      if (entry[1].endedAt > horizon && containers.get(entry[0]) === undefined) yield entry;
    }
  }
}
