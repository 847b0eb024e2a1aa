import { EventClient } from './events.js';
import { type CallOptions, type Connection, namePath } from './http.js';
import type {
  AppMetrics,
  Attributes,
  ByContainer,
  ContainerInfo,
  ContainerInfoV21,
  ContainerSpecV2,
  ContainerStatsV20,
  DerivedStats,
  FsInfo,
  MachineInfo,
  MachineStats,
  ProcessInfo,
} from './types.js';

/** Selects samples of v1. */
export interface SamplesV1Query {
  /** Number of newest samples. Default 60; −1: all, 0: none. */
  readonly count?: number;
  /** Inclusive. */
  readonly start?: Date;
  readonly end?: Date;
}

/** v1.3 of the API, with everything of v1.0 to v1.2. */
export class ClientV13 {
  readonly events: EventClient;

  constructor(private readonly connection: Connection) {
    this.events = new EventClient(connection, '/api/v1.3');
  }

  /** The host. */
  machine(options?: CallOptions): Promise<MachineInfo> {
    return this.connection.json('/api/v1.3/machine', {}, options);
  }

  /** One container by its absolute name. @throws ApiError 404 */
  container(name: string, query: SamplesV1Query = {}, options?: CallOptions): Promise<ContainerInfo> {
    return this.ask(`containers${namePath(name)}`, query, options);
  }

  /** A container and everything below it, sorted by name. @throws ApiError 404 */
  subcontainers(name = '/', query: SamplesV1Query = {}, options?: CallOptions): Promise<ContainerInfo[]> {
    return this.ask(`subcontainers${namePath(name)}`, query, options);
  }

  /** All Docker containers. */
  dockerContainers(query: SamplesV1Query = {}, options?: CallOptions): Promise<ByContainer<ContainerInfo>> {
    return this.ask('docker', query, options);
  }

  /** One Docker container by name or id. @throws ApiError 404 */
  async dockerContainer(name: string, query: SamplesV1Query = {}, options?: CallOptions): Promise<ContainerInfo> {
    const found = await this.ask<ByContainer<ContainerInfo>>(`docker${namePath(name)}`, query, options);
    return Object.values(found)[0]!;
  }

  private ask<T>(path: string, { count, start, end }: SamplesV1Query, options?: CallOptions): Promise<T> {
    return this.connection.json(`/api/v1.3/${path}`, {}, options, { num_stats: count, start, end });
  }
}

/** Which containers are wanted, and how much of them. */
export interface ContainersQuery {
  /** What the name is: an absolute name (the default), or the name or id of a container of an engine. */
  readonly type?: string;
  /** Also everything below; with an engine as `type` and without a name, all its containers. */
  readonly recursive?: boolean;
  /** The newest N samples, 64 unless said otherwise; −1: all. */
  readonly count?: number;
  /** Samples now what is older: `10s`, `0`. */
  readonly maxAge?: string;
}

/** What v2.0 and v2.1 have in common. */
class ClientV2 {
  readonly events: EventClient;

  constructor(
    protected readonly connection: Connection,
    protected readonly root: string,
  ) {
    this.events = new EventClient(connection, root);
  }

  /** The agent's version. */
  version(options?: CallOptions): Promise<string> {
    return this.connection.json(`${this.root}/version`, {}, options);
  }

  /** Versions of kernel, system and Docker, and the host. */
  attributes(options?: CallOptions): Promise<Attributes> {
    return this.connection.json(`${this.root}/attributes`, {}, options);
  }

  /** The host. */
  machine(options?: CallOptions): Promise<MachineInfo> {
    return this.connection.json(`${this.root}/machine`, {}, options);
  }

  /** What containers are, and their limits. @throws ApiError 404 */
  spec(name?: string, query?: ContainersQuery, options?: CallOptions): Promise<ByContainer<ContainerSpecV2>> {
    return this.ask('spec', name, query, options);
  }

  /** Use over the last minute, hour and day. @throws ApiError 404 */
  summary(name?: string, query?: ContainersQuery, options?: CallOptions): Promise<ByContainer<DerivedStats>> {
    return this.ask('summary', name, query, options);
  }

  /** The metrics of the applications in containers. @throws ApiError 404 */
  appMetrics(name?: string, query?: ContainersQuery, options?: CallOptions): Promise<ByContainer<AppMetrics>> {
    return this.ask('appmetrics', name, query, options);
  }

  /** The processes of one container; of `/` all of the host. @throws ApiError 404 */
  processes(
    name?: string,
    query?: Pick<ContainersQuery, 'type'>,
    options?: CallOptions,
  ): Promise<readonly ProcessInfo[]> {
    return this.ask('ps', name, query, options);
  }

  /** The file systems of the host, or those with a label (`root`, `docker-images`). @throws ApiError 404 */
  filesystems(label?: string, options?: CallOptions): Promise<readonly FsInfo[]> {
    return this.connection.json(`${this.root}/storage`, { label }, options);
  }

  /** The file system with a uuid. @throws ApiError 404 */
  filesystem(uuid: string, options?: CallOptions): Promise<FsInfo> {
    return this.connection.json(`${this.root}/storage`, { uuid }, options);
  }

  protected ask<T>(type: string, name = '/', query: ContainersQuery = {}, options?: CallOptions): Promise<T> {
    const { maxAge, ...rest } = query;
    return this.connection.json(`${this.root}/${type}${namePath(name)}`, { ...rest, max_age: maxAge }, options);
  }
}

/** v2.0 of the API. */
export class ClientV20 extends ClientV2 {
  constructor(connection: Connection) {
    super(connection, '/api/v2.0');
  }

  /** The newest samples, oldest first; what a container lacks is zero in them. @throws ApiError 404 */
  stats(
    name?: string,
    query?: ContainersQuery,
    options?: CallOptions,
  ): Promise<ByContainer<readonly ContainerStatsV20[]>> {
    return this.ask('stats', name, query, options);
  }
}

/** v2.1 of the API. */
export class ClientV21 extends ClientV2 {
  constructor(connection: Connection) {
    super(connection, '/api/v2.1');
  }

  /** What containers are, and their newest samples with the parts that they have; not of `/`. @throws ApiError 404 */
  stats(name?: string, query?: ContainersQuery, options?: CallOptions): Promise<ByContainer<ContainerInfoV21>> {
    return this.ask('stats', name, query, options);
  }

  /** The newest samples of the host. */
  async machineStats(
    query: Pick<ContainersQuery, 'count' | 'maxAge'> = {},
    options?: CallOptions,
  ): Promise<readonly MachineStats[]> {
    return (await this.ask<readonly MachineStats[] | null>('machinestats', '/', query, options)) ?? [];
  }
}
