import { dirname } from 'node:path';
import type { EngineImage, EngineInfo, RuntimeInfo } from '../../../kernel/contracts/index.js';
import { EngineError, type GrpcClient, list, number, record, text, wire } from '../common/index.js';
import { methods } from './api.js';
import type { ContainerdKnowledge } from './knowledge.js';

/** Larger content is no manifest, bytes. */
const MAX_MANIFEST = 4 * 1024 * 1024;
/** Manifests whose sizes are remembered: content never changes. */
const MOST_SIZES = 4096;
const SNAPSHOTTER = 'io.containerd.snapshotter.v1';
const CONTENT = 'io.containerd.content.v1';

export class ContainerdInfo {
  /** Size of an image by the digest of its manifest or index. */
  private readonly sizes = new Map<string, number>();

  constructor(private readonly containers: ContainerdKnowledge) {}

  async ask(client: GrpcClient, { version, apiVersion }: RuntimeInfo): Promise<EngineInfo> {
    const { containers } = this;
    const { plugins } = await client.call(methods.plugins, {});
    const snapshotters = plugins.filter(({ type, initError }) => type === SNAPSHOTTER && initError === undefined);
    return {
      version,
      apiVersion,
      kernelVersion: '',
      os: '',
      hostname: '',
      rootDirectory: rootOf(plugins),
      storageDriver: containers.snapshotters()[0] ?? '',
      storageStatus: snapshotters.map(({ id, exports }) => ({ name: id, value: exports.root ?? '' })),
      cgroupDriver: '',
      containers: {
        total: containers.count(),
        running: containers.count('running'),
        paused: containers.count('paused'),
        stopped: containers.count('created', 'exited', 'dead', 'restarting'),
      },
      images: await this.images(client),
    };
  }

  async root(client: GrpcClient): Promise<string> {
    return rootOf((await client.call(methods.plugins, { filters: [`type==${CONTENT}`] })).plugins);
  }

  /** The images of all namespaces; several names of one content are one image. */
  private async images(client: GrpcClient): Promise<EngineImage[]> {
    const images = new Map<string, EngineImage>();
    for (const namespace of this.containers.watched) {
      const options = { metadata: { 'containerd-namespace': namespace } };
      for (const { name, target, createdAt } of (await client.call(methods.images, {}, options)).images) {
        const id = target?.digest ?? '';
        const other = images.get(id);
        const time = wire.microseconds(createdAt) ?? 0;
        images.set(id, {
          id,
          tags: [...new Set([...(other?.tags ?? []), name])],
          createdAt: Math.min(time, other?.createdAt ?? time),
          size: other?.size ?? (await this.size(client, id, options)),
        });
      }
    }
    return [...images.values()];
  }

  /** Bytes of the content that an image has here, compressed as it is; 0 when it has none. */
  private async size(
    client: GrpcClient,
    digest: string,
    options: { metadata: Record<string, string> },
  ): Promise<number> {
    const known = this.sizes.get(digest);
    if (known !== undefined) return known;
    let total = 0;
    try {
      const manifest = record(await readJson(client, digest, options));
      for (const part of list(manifest.manifests).map(record)) {
        total += await this.size(client, text(part.digest), options);
      }
      for (const part of [manifest.config, ...list(manifest.layers)].map(record)) total += number(part.size) ?? 0;
    } catch (error) {
      // Of an image for several platforms only those that were wanted are here.
      if (!(error instanceof EngineError && error.status !== undefined)) throw error;
      return 0;
    }
    if (this.sizes.size >= MOST_SIZES) this.sizes.clear();
    this.sizes.set(digest, total);
    return total;
  }
}

function rootOf(
  plugins: readonly { readonly type: string; readonly exports: Readonly<Record<string, string>> }[],
): string {
  const content = plugins.find(({ type }) => type === CONTENT)?.exports.root;
  return content === undefined ? '' : dirname(content);
}

async function readJson(
  client: GrpcClient,
  digest: string,
  options: { metadata: Record<string, string> },
): Promise<unknown> {
  let size = 0;
  const pieces: Uint8Array[] = [];
  await client.stream(
    methods.read,
    { digest, size: 0 },
    ({ data }) => {
      size += data.length;
      if (size <= MAX_MANIFEST) pieces.push(data);
    },
    options,
  );
  if (size > MAX_MANIFEST) return undefined;
  try {
    return JSON.parse(Buffer.concat(pieces).toString());
  } catch {
    return undefined;
  }
}
