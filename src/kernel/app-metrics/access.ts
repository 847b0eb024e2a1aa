import { Socket } from 'node:net';
import { addAbortSignal, type Duplex } from 'node:stream';
import {
  type AppAnswer,
  type AppContainer,
  type AppEndpoint,
  type AppRequest,
  type CgroupFiles,
  type CollectionAccess,
  CollectionError,
  isCollectionError,
} from '../contracts/index.js';
import { ContainerRoot } from './container-root.js';
import { type Destination, findListener, type NetworkScope, resolveEndpoint } from './destination.js';
import type { ResponseBudget } from './fair-shares.js';
import { explain, type HttpGetter, type SocketAddress } from './http-get.js';

const MAX_FILE_BYTES = 1024 * 1024;

/** Services shared by all collections. */
export interface AccessServices {
  readonly getter: HttpGetter;
  readonly proc: string;
  readonly userAgent: string;
  readonly maxBodySize: number;
  readonly limits: CollectionAccess['limits'];
  /** Limits the bytes of responses that all collections hold. */
  readonly responseBudget: ResponseBudget;
}

/** The access of one collection to its container. */
export class ContainerAccess implements CollectionAccess {
  /** Bytes of responses, decompressed. */
  received = 0;
  private closed = false;
  private readonly sockets: ContainerSocket[] = [];

  constructor(
    readonly container: AppContainer,
    private readonly cgroup: CgroupFiles,
    private readonly scope: NetworkScope,
    private readonly services: AccessServices,
    readonly signal: AbortSignal,
    readonly now: number,
  ) {}

  get limits(): CollectionAccess['limits'] {
    return this.services.limits;
  }

  fetch(request: AppRequest): Promise<AppAnswer> {
    const { getter, maxBodySize: maxBytes, userAgent } = this.services;
    const { signal } = this;
    const received = (bytes: number) => this.take(bytes);
    return this.withAddress(request, (address) =>
      getter.get({ request, address, signal, maxBytes, userAgent, received }),
    );
  }

  connect(endpoint: AppEndpoint): Promise<Duplex> {
    return this.withAddress(
      endpoint,
      (address) =>
        new Promise<Duplex>((resolve, reject) => {
          const socket = new ContainerSocket(this.signal);
          this.sockets.push(socket);
          socket.once('connect', () => resolve(socket));
          socket.on('error', reject);
          addAbortSignal(this.signal, socket);
          socket.connect('socketPath' in address ? { path: address.socketPath } : address);
        }),
    );
  }

  readFile(path: string): Promise<Buffer> {
    return this.withRoot((root) => root.readFile(path, MAX_FILE_BYTES));
  }

  /** Closes the sockets of the collection. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.services.responseBudget.release(this.container.name, this.received);
    for (const socket of this.sockets) {
      this.received += socket.bytesRead;
      socket.destroy();
    }
  }

  /** Counts bytes of a response. @throws CollectionError when the container holds too many */
  private take(bytes: number): void {
    if (this.closed) throw new CollectionError('the collection is over');
    this.received += bytes;
    this.services.responseBudget.take(this.container.name, bytes);
  }

  private async withAddress<T>(endpoint: AppEndpoint, use: (address: SocketAddress) => Promise<T>): Promise<T> {
    this.signal.throwIfAborted();
    const destination = resolveEndpoint(endpoint, this.scope);
    if (destination.kind === 'tcp') return use(await this.checkedAddress(destination));
    return this.withRoot(async (root) => {
      const socket = await root.find(destination.path);
      try {
        if (!(await socket.stat()).isSocket()) throw new CollectionError(`${destination.path} is not a socket`);
        // The path by descriptor leads to the socket that was checked, even if its original path is replaced meanwhile.
        return await use({ socketPath: `/proc/self/fd/${socket.fd}` });
      } finally {
        await socket.close();
      }
    });
  }

  private async checkedAddress({ host, port, check }: Destination & { kind: 'tcp' }): Promise<SocketAddress> {
    if (check === 'none') return { host, port };
    const address = await findListener(this.services.proc, this.cgroup.pidsBelow(), port);
    if (address !== undefined) return { host: address, port };
    throw new CollectionError(
      `no process of the container listens on port ${port}; in the host's network only its own ports are allowed`,
    );
  }

  private async withRoot<T>(use: (root: ContainerRoot) => Promise<T>): Promise<T> {
    const { pid, namespace } = this.container.description;
    const pids = this.cgroup.pidsBelow();
    const chosen = pid !== undefined && pids.includes(pid) ? pid : pids[0];
    if (chosen === undefined) throw new CollectionError('it has no process');
    const isInContainer = () => this.cgroup.pidsBelow().includes(chosen);
    const root = await ContainerRoot.open(this.services.proc, chosen, isInContainer, namespace === undefined);
    try {
      return await use(root);
    } finally {
      await root.close();
    }
  }
}

/** A connection that turns errors into CollectionErrors, so that they are not taken for faults of the plugin. */
class ContainerSocket extends Socket {
  constructor(private readonly signal: AbortSignal) {
    super();
  }

  override destroy(error?: Error): this {
    if (error === undefined || error === null || isCollectionError(error)) return super.destroy(error);
    if (this.signal.aborted) return super.destroy(this.signal.reason as Error);
    return super.destroy(new CollectionError(explain(error), { cause: error }));
  }
}
