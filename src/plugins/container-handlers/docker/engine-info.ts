import type { EngineImage, EngineInfo, RuntimeInfo } from '../../../kernel/contracts/index.js';
import { list, number, record, text } from '../common/index.js';
import type { EngineClient } from './client.js';

/** Asks an engine about itself and its images; what it leaves out is empty or 0. */
export async function askInfo(client: EngineClient, { version, apiVersion }: RuntimeInfo): Promise<EngineInfo> {
  const [answer, images] = await Promise.all([client.info(), client.images()]);
  const info = record(answer);
  const count = (key: string): number => number(info[key]) ?? 0;
  return {
    version: text(info.ServerVersion) || version,
    apiVersion,
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
