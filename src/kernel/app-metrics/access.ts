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
import { type Destination, type Reach, resolveEndpoint } from './destination.js';
import { explain, type HttpGetter, type SocketAddress } from './http-get.js';
import type { InFlight } from './in-flight.js';
import { findListener } from './listeners.js';

const MAX_FILE = 1024 * 1024;

/** What all collections share. */
export interface AccessServices {
  readonly getter: HttpGetter;
  /** The host's `/proc`. */
  readonly proc: string;
  readonly userAgent: string;
  readonly maxBodySize: number;
  readonly limits: CollectionAccess['limits'];
  /** Bytes of answers in the hands of all collections, by container. */
  readonly inFlight: InFlight;
}

/** One collection's way into its container. */
export class ContainerAccess implements CollectionAccess {
  /** Bytes of answers, decompressed. */
  received = 0;
  private closed = false;
  private readonly open: ContainerSocket[] = [];

  constructor(
    readonly container: AppContainer,
    private readonly cgroup: CgroupFiles,
    private readonly reach: Reach,
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
    return this.reached(request, (address) => getter.get({ request, address, signal, maxBytes, userAgent, received }));
  }

  connect(endpoint: AppEndpoint): Promise<Duplex> {
    return this.reached(
      endpoint,
      (address) =>
        new Promise<Duplex>((resolve, reject) => {
          const socket = new ContainerSocket(this.signal);
          this.open.push(socket);
          socket.once('connect', () => resolve(socket));
          socket.on('error', reject);
          addAbortSignal(this.signal, socket);
          socket.connect('socketPath' in address ? { path: address.socketPath } : address);
        }),
    );
  }

  async readFile(path: string): Promise<Buffer> {
    const root = await this.root();
    try {
      return await root.readFile(path, MAX_FILE);
    } finally {
      await root.close();
    }
  }

  /** Ends what the collection left open. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.services.inFlight.give(this.container.name, this.received);
    for (const socket of this.open) {
      this.received += socket.bytesRead;
      socket.destroy();
    }
  }

  /** Counts bytes of an answer. @throws CollectionError when the container has too many in flight */
  private take(bytes: number): void {
    if (this.closed) throw new CollectionError('the collection is over');
    this.received += bytes;
    this.services.inFlight.take(this.container.name, bytes);
  }

  private async reached<T>(endpoint: AppEndpoint, use: (address: SocketAddress) => Promise<T>): Promise<T> {
    this.signal.throwIfAborted();
    const destination = resolveEndpoint(endpoint, this.reach);
    if (destination.kind === 'tcp') return use(await this.checked(destination));
    const root = await this.root();
    try {
      const socket = await root.find(destination.path);
      try {
        if (!(await socket.stat()).isSocket()) throw new CollectionError(`${destination.path} is not a socket`);
        // A handle names the very socket that was found, whatever happens to its path meanwhile.
        return await use({ socketPath: `/proc/self/fd/${socket.fd}` });
      } finally {
        await socket.close();
      }
    } finally {
      await root.close();
    }
  }

  private async checked({ host, port, check }: Destination & { kind: 'tcp' }): Promise<SocketAddress> {
    if (check === 'none') return { host, port };
    const address = await findListener(this.services.proc, this.cgroup.pidsBelow(), port);
    if (address !== undefined) return { host: address, port };
    throw new CollectionError(
      `no process of the container listens on port ${port}; in the host's network only its own ports are asked`,
    );
  }

  private async root(): Promise<ContainerRoot> {
    const { pid, namespace } = this.container.description;
    const pids = this.cgroup.pidsBelow();
    const chosen = pid !== undefined && pids.includes(pid) ? pid : pids[0];
    if (chosen === undefined) throw new CollectionError('it has no process');
    const belongs = () => this.cgroup.pidsBelow().includes(chosen);
    return ContainerRoot.open(this.services.proc, chosen, belongs, namespace === undefined);
  }
}

/** A connection whose failures are the container's: what reads it need not tell them from faults of its own. */
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
