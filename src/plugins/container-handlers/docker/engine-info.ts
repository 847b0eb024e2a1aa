import {
  type Clock,
  type EngineImage,
  type EngineInfo,
  type EngineReport,
  messageOf,
  type RuntimeInfo,
} from '../../../kernel/contracts/index.js';
import { list, number, record, text } from '../common/index.js';
import type { EngineClient } from './client.js';

/** An engine is asked about itself at most this often, ms. */
const MAX_AGE = 5_000;

/** Asks one engine about itself, and remembers the answer (or the failure) for a while. */
export class EngineInfoCache {
  private client: EngineClient | undefined;
  private askedAt = 0;
  private answer: Promise<EngineReport> | undefined;

  /**
   * @param runtime `docker`, `podman`
   * @param endpoint its address, for people
   */
  constructor(
    private readonly runtime: string,
    private readonly endpoint: string,
    private readonly clock: Clock,
  ) {}

  /** What the engine said of itself, or why it cannot be reached. */
  report(client: EngineClient | undefined, versions: RuntimeInfo | undefined, why: string): Promise<EngineReport> {
    const { runtime, endpoint } = this;
    if (client === undefined) return Promise.resolve({ runtime, endpoint, reason: why });
    const now = this.clock.monotonic();
    if (this.answer === undefined || client !== this.client || now - this.askedAt >= MAX_AGE) {
      this.client = client;
      this.askedAt = now;
      this.answer = this.ask(client, versions);
    }
    return this.answer;
  }

  private async ask(client: EngineClient, versions: RuntimeInfo | undefined): Promise<EngineReport> {
    const { runtime, endpoint } = this;
    try {
      const [info, images] = await Promise.all([client.info(), client.images()]);
      return { runtime, endpoint, askedAt: this.clock.now(), info: parseInfo(info, images, versions) };
    } catch (error) {
      return { runtime, endpoint, reason: messageOf(error) };
    }
  }
}

/** Reads the engine's answers about itself and its images; what it leaves out is empty or 0. */
export function parseInfo(answer: unknown, images: unknown, versions: RuntimeInfo | undefined): EngineInfo {
  const info = record(answer);
  const count = (key: string): number => number(info[key]) ?? 0;
  return {
    version: text(info.ServerVersion) || (versions?.version ?? ''),
    apiVersion: versions?.apiVersion ?? '',
    kernelVersion: text(info.KernelVersion),
    os: text(info.OperatingSystem),
    hostname: text(info.Name),
    rootDirectory: text(info.DockerRootDir),
    storageDriver: text(info.Driver),
    storageStatus: list(info.DriverStatus).map((pair) => ({ name: text(list(pair)[0]), value: text(list(pair)[1]) })),
    cgroupDriver: text(info.CgroupDriver),
    containers: {
      total: count('Containers'),
      running: count('ContainersRunning'),
      paused: count('ContainersPaused'),
      stopped: count('ContainersStopped'),
    },
    images: list(images).map(parseImage),
  };
}

function parseImage(answer: unknown): EngineImage {
  const image = record(answer);
  const seconds = number(image.Created) ?? 0;
  return {
    id: text(image.Id),
    tags: list(image.RepoTags).map(text),
    createdAt: seconds * 1e6,
    size: number(image.Size) ?? 0,
  };
}
