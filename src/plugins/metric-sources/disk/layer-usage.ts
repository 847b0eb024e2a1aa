import { join } from 'node:path';
import {
  type Clock,
  type Column,
  type ContainerStorage,
  codeOf,
  type LinuxHost,
  type Logger,
  messageOf,
  type Probe,
  type RowWriter,
  type SampleOutcome,
  type Timers,
} from '../../../kernel/contracts/index.js';
import { layerFields } from './fields.js';
import { measureSmallTree, statOf, type TreeSize } from './tree-size.js';
import type { WalkerPool } from './walker-pool.js';

/** Maximum share of the time that is spent walking a layer. */
const MAX_WALK_SHARE = 1 / 20;
/** A layer without probes is dropped after this time, ms, because probes may be recreated. */
const RELEASED_LAYER_TTL_MS = 10_000;

/** A layer younger than this, ms, is measured when its container is found, so that the first sample has its size. */
const NEW_LAYER_AGE_MS = 60_000;
/** Maximum number of entries for that. */
const NEW_LAYER_MAX_ENTRIES = 200;

/** Disk usage of a container's own files when last measured; NaN: not measured yet. */
export interface Usage {
  /** Bytes of the writable layer. */
  readonly layer: number;
  /** Bytes of layer, logs and the runtime's own files. */
  readonly total: number;
  /** Inodes of the writable layer. */
  readonly inodes: number;
  /** `major:minor` of the layer's filesystem. */
  readonly device: string;
}

export interface LayerContext {
  readonly linux: LinuxHost;
  readonly timers: Timers;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly pool: WalkerPool;
  /** Shortest pause between two walks, ms. */
  readonly interval: number;
  /** Longest pause, after failures and slow walks, ms. */
  readonly longestInterval: number;
}

/** One writable layer, measured periodically while it has probes. */
export class Layer {
  /** Absent until the first walk has finished. Replaced by a new object at each change. */
  usage: Usage | undefined;
  private readonly storage: ContainerStorage;
  private readonly context: LayerContext;
  private pause: number;
  private failing = false;
  private ended = false;
  private cancel = () => {};

  constructor(storage: ContainerStorage, context: LayerContext) {
    this.storage = storage;
    this.context = context;
    this.pause = context.interval;
    this.usage = this.firstUsage();
    this.later(0);
  }

  end(): void {
    this.ended = true;
    this.cancel();
  }

  /** What can be measured synchronously. @returns undefined when there is no such directory */
  private firstUsage(): Usage | undefined {
    const { writableLayer, ownDirectory } = this.storage;
    const path = this.pathOf(writableLayer!);
    const stat = statOf(path);
    if (stat === undefined) return undefined;
    const isYoung = this.context.clock.now() / 1000 - stat.ctimeMs < NEW_LAYER_AGE_MS;
    const layer = isYoung ? measureSmallTree(path, NEW_LAYER_MAX_ENTRIES) : undefined;
    const own =
      ownDirectory === undefined
        ? 0
        : layer && measureSmallTree(this.pathOf(ownDirectory), NEW_LAYER_MAX_ENTRIES)?.bytes;
    if (layer !== undefined && own !== undefined) return usageOf(layer, own);
    return usageOf({ bytes: Number.NaN, inodes: Number.NaN, device: stat.dev }, Number.NaN);
  }

  private later(milliseconds: number): void {
    if (!this.ended) this.cancel = this.context.timers.after(milliseconds, () => this.measure());
  }

  private async measure(): Promise<void> {
    const { interval, longestInterval } = this.context;
    try {
      const { elapsed, unreadable } = await this.walk();
      this.pause = Math.min(longestInterval, Math.max(interval, elapsed / MAX_WALK_SHARE));
      if (unreadable === 0) this.recovered();
      else this.failed(`${unreadable} directories below it cannot be read and are left out`);
    } catch (error) {
      this.pause = Math.min(longestInterval, this.pause * 2);
      // The layer is removed with its container, often before the cgroup.
      if (codeOf(error) !== 'ENOENT') this.failed(messageOf(error));
    }
    this.later(this.pause);
  }

  /** @returns the duration (ms) and the number of unreadable directories */
  private async walk(): Promise<{ elapsed: number; unreadable: number }> {
    const layer = await this.size(this.storage.writableLayer!);
    if (layer === undefined) return { elapsed: 0, unreadable: 0 };
    const own = this.storage.ownDirectory === undefined ? undefined : await this.size(this.storage.ownDirectory);
    const usage = usageOf(layer.size, own?.size.bytes ?? 0);
    if (JSON.stringify(usage) !== JSON.stringify(this.usage)) this.usage = usage;
    return {
      elapsed: layer.elapsed + (own?.elapsed ?? 0),
      unreadable: layer.size.unreadable + (own?.size.unreadable ?? 0),
    };
  }

  private size(path: string) {
    return this.context.pool.measure(this.pathOf(path), () => !this.ended);
  }

  private pathOf(path: string): string {
    return join(this.context.linux.paths.root, path);
  }

  private recovered(): void {
    if (this.failing) this.context.logger.info(`disk usage of ${this.storage.writableLayer} is measured fully again`);
    this.failing = false;
  }

  private failed(reason: string): void {
    if (this.failing || this.ended) return;
    this.failing = true;
    this.context.logger.warn(`disk usage of ${this.storage.writableLayer} is not measured fully: ${reason}`);
  }
}

function usageOf({ bytes, inodes, device }: Pick<TreeSize, 'bytes' | 'inodes' | 'device'>, own: number): Usage {
  return { layer: bytes, total: bytes + own, inodes, device: deviceNumbers(device) };
}

/** The layers that have probes. */
export class Layers {
  private readonly byStorage = new Map<string, { readonly layer: Layer; users: number; cancel: () => void }>();

  constructor(private readonly context: LayerContext) {}

  /** @param storage with a writable layer @returns the layer, and a function that releases it */
  take(storage: ContainerStorage): { readonly layer: Layer; release(): void } {
    const key = JSON.stringify(storage);
    let entry = this.byStorage.get(key);
    if (entry === undefined) {
      entry = { layer: new Layer(storage, this.context), users: 0, cancel: () => {} };
      this.byStorage.set(key, entry);
    }
    const used = entry;
    used.cancel();
    used.users++;
    return {
      layer: used.layer,
      release: () => {
        if (--used.users === 0) used.cancel = this.context.timers.after(RELEASED_LAYER_TTL_MS, () => this.drop(key));
      },
    };
  }

  close(): void {
    for (const key of [...this.byStorage.keys()]) this.drop(key);
  }

  private drop(key: string): void {
    this.byStorage.get(key)?.layer.end();
    this.byStorage.delete(key);
  }
}

/** `major:minor` of a `st_dev` in the kernel's encoding. */
export function deviceNumbers(device: number): string {
  const wide = BigInt(device);
  const major = ((wide >> 8n) & 0xfffn) | ((wide >> 32n) & ~0xfffn);
  const minor = (wide & 0xffn) | ((wide >> 12n) & ~0xffn & 0xffffffffn);
  return `${major}:${minor}`;
}

/** The disk usage of a container's own files, as last measured. */
export class LayerProbe implements Probe {
  columns: readonly Column[] = [];
  private device = '';
  private mountpoint: string | undefined;

  constructor(
    private readonly host: LinuxHost,
    private readonly layer: Layer,
    private readonly release: () => void,
  ) {
    this.layOut(layer.usage);
  }

  sample(row: RowWriter): SampleOutcome {
    const { usage } = this.layer;
    if (usage === undefined) return 'ok';
    if (usage.device !== this.device) {
      this.layOut(usage);
      return 'layout-changed';
    }
    const capacity = this.mountpoint === undefined ? undefined : this.host.filesystemUsage(this.mountpoint)?.capacity;
    if (capacity !== undefined) row.set(0, capacity);
    row.set(1, usage.total);
    row.set(2, usage.layer);
    row.set(3, usage.inodes);
    return 'ok';
  }

  close(): void {
    this.release();
  }

  private layOut(usage: Usage | undefined): void {
    if (usage === undefined) return;
    const filesystem = this.host.filesystems().find(({ major, minor }) => `${major}:${minor}` === usage.device);
    const [major, minor] = usage.device.split(':').map(Number);
    const name = filesystem?.device ?? (this.host.deviceName(major!, minor!) || usage.device);
    this.device = usage.device;
    this.mountpoint = filesystem?.mountpoint;
    const attributes = { type: filesystem?.type ?? 'vfs' };
    this.columns = layerFields.map((field) => ({ field, labels: [name], attributes }));
  }
}
