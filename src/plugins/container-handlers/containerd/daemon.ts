import { type EngineInfo, messageOf, type PluginContext, type RuntimeInfo } from '../../../kernel/contracts/index.js';
import {
  connectGrpc,
  EngineBase,
  EngineError,
  type GrpcClient,
  type OpenConnection,
  type PathIdentity,
  type PathPattern,
} from '../common/index.js';
import { type Envelope, methods } from './api.js';
import { ContainerdInfo } from './engine-info.js';
import { readEvent } from './events.js';
import { ContainerdKnowledge, type KnowledgeOptions, keyOf } from './knowledge.js';

export interface DaemonOptions extends KnowledgeOptions {
  readonly socket: string;
  /** Whether this is the default socket, which may be absent. */
  readonly optional: boolean;
}

export class ContainerdDaemon
  extends EngineBase<GrpcClient, ContainerdKnowledge, DaemonOptions>
  implements PathPattern
{
  private readonly info: ContainerdInfo;

  constructor(context: PluginContext, options: DaemonOptions) {
    const { socket, optional } = options;
    const createKnowledge = (changed: (key: string) => void) => new ContainerdKnowledge(context, options, changed);
    super(context, options, { url: `unix://${socket}`, optional }, createKnowledge);
    this.info = new ContainerdInfo(this.knowledge);
  }

  /** Ids are any words: a cgroup is known by what containerd and the kernel say of it, or by its namespace. */
  match(path: string): PathIdentity | undefined {
    const key = this.knowledge.claims.owner(path);
    if (key !== undefined) return { id: key, certain: true };
    const [, namespace, id] = /^\/([^/]+)\/([^/]+)$/.exec(path) ?? [];
    if (namespace === undefined || id === undefined || !this.knowledge.watched.has(namespace)) return undefined;
    return { id: keyOf(namespace, id), certain: false };
  }

  pathsOf(key: string): readonly string[] {
    return this.knowledge.claims.pathsOf(key);
  }

  protected ask(client: GrpcClient, versions: RuntimeInfo): Promise<EngineInfo> {
    return this.info.ask(client, versions);
  }

  protected async connect(): Promise<OpenConnection<GrpcClient>> {
    const { socket, timeout } = this.options;
    const client = await connectGrpc(socket, timeout);
    this.open = client;
    const { version } = await client.call(methods.version, {});
    const ended = client
      .stream(methods.events, {}, (event) => this.event(event), {
        endless: true,
        onGarbage: (error) => this.once.warn('event', `${messageOf(error)}; it was left out`),
      })
      .then(() => {
        throw new Error('the event stream ended');
      });
    return { client, ended, runtime: { name: 'containerd', version: version || 'unknown', apiVersion: 'v1' } };
  }

  protected override established(client: GrpcClient): void {
    void this.tellRoot(client);
  }

  private event(envelope: Envelope): void {
    try {
      const event = readEvent(envelope);
      if (event !== undefined) this.knowledge.event(event);
    } catch (error) {
      this.once.warn('event', `an event of containerd cannot be read and was left out: ${messageOf(error)}`);
    }
  }

  private async tellRoot(client: GrpcClient): Promise<void> {
    try {
      const directory = await this.info.root(client);
      if (directory.startsWith('/')) this.context.linux.labelFilesystem('containerd-images', directory);
    } catch (error) {
      // The connection logs that it does not answer.
      if (!(error instanceof EngineError && error.status === undefined))
        this.once.warn('root', `${messageOf(error)}; the filesystem of its images stays unmarked`);
    }
  }
}
