import {
  type EngineImageUsage,
  type EngineUsage,
  type EngineVolumeUsage,
  messageOf,
  type PluginContext,
} from '../../../kernel/contracts/index.js';
import { list, number, type OnceLogger, present, record, text } from '../common/index.js';
import type { EngineClient } from './client.js';
import type { DaemonOptions } from './options.js';

/** Asks one engine now and then what its images and volumes take up, and keeps its last answer. */
export class EngineUsageWatch {
  private answer: EngineUsage | undefined;
  /** Monotonic ms of the last question. */
  private askedAt: number | undefined;
  private cancel = () => {};

  constructor(
    private readonly context: PluginContext,
    private readonly options: DaemonOptions,
    private readonly once: OnceLogger,
  ) {}

  /** The engine's last answer; `undefined` before the first one, and for ever when it is not to be asked. */
  get usage(): EngineUsage | undefined {
    return this.answer;
  }

  /** Begins to ask. A connection that was lost for a moment does not make the next question come earlier. */
  connected(client: EngineClient): void {
    this.disconnected();
    const { engineUsage, engineUsageInterval } = this.options;
    const { clock, timers } = this.context;
    if (!engineUsage) return;
    const passed = this.askedAt === undefined ? engineUsageInterval : clock.monotonic() - this.askedAt;
    this.cancel = timers.after(Math.max(0, engineUsageInterval - passed), async () => {
      this.cancel = timers.every(engineUsageInterval, () => this.ask(client));
      await this.ask(client);
    });
  }

  disconnected(): void {
    this.cancel();
    this.cancel = () => {};
  }

  private async ask(client: EngineClient): Promise<void> {
    const { clock } = this.context;
    const { namespace: runtime, endpoint } = this.options;
    this.askedAt = clock.monotonic();
    try {
      const answer = await client.usage();
      this.answer = { runtime, endpoint: endpoint.url, askedAt: clock.now(), ...parseUsage(answer) };
    } catch (error) {
      this.once.warn('usage', `${messageOf(error)}; the sizes of its images and volumes stay as last known`);
    }
  }
}

/**
 * Reads an engine's answer about its disk usage, in the form of Docker before and after API 1.52; what it leaves out is
 * empty. A size of -1 means unknown.
 */
export function parseUsage(answer: unknown): Pick<EngineUsage, 'imagesBytes' | 'images' | 'volumes'> {
  const usage = record(answer);
  const ofImages = record(usage.ImageUsage ?? usage.ImagesDiskUsage);
  const ofVolumes = record(usage.VolumeUsage ?? usage.VolumesDiskUsage);
  return present({
    imagesBytes: size(usage.LayersSize) ?? size(ofImages.TotalSize),
    images: list(usage.Images ?? ofImages.Items).map(parseImage),
    volumes: list(usage.Volumes ?? ofVolumes.Items).map(parseVolume),
  });
}

function parseImage(answer: unknown): EngineImageUsage {
  const image = record(answer);
  return present({
    id: text(image.Id),
    tags: list(image.RepoTags).map(text),
    bytes: size(image.Size),
    sharedBytes: size(image.SharedSize),
  });
}

function parseVolume(answer: unknown): EngineVolumeUsage {
  const volume = record(answer);
  const data = record(volume.UsageData);
  return present({ name: text(volume.Name), bytes: size(data.Size), containers: size(data.RefCount) });
}

function size(value: unknown): number | undefined {
  const known = number(value);
  return known !== undefined && known >= 0 ? known : undefined;
}
