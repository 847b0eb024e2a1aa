import { statSync } from 'node:fs';
import { codeOf, type EngineReport, messageOf, type RuntimeInfo } from '../../../kernel/contracts/index.js';
import {
  connectGrpc,
  type Denial,
  type Engine,
  EngineConnection,
  EngineError,
  type EngineListener,
  GRPC_UNIMPLEMENTED,
  type GrpcClient,
  type KnownContainer,
  type KnownEnd,
} from '../common/index.js';
import type { CriRules } from './describe.js';
import { type CriSession, type KnowledgeOptions, PodKnowledge } from './knowledge.js';
import { CRI_VERSIONS, criMethods } from './messages.js';

/** What it is called where the runtime's own name is not known. */
const RUNTIME = 'cri';
/** A stream of events that ends within this time was refused. */
const AT_ONCE_MS = 1000;
/** Namespaces of aliases by the runtime's name, as cAdvisor calls them. */
const NAMESPACES: Readonly<Record<string, string>> = { containerd: 'containerd', 'cri-o': 'crio', docker: 'docker' };

export interface RuntimeOptions extends KnowledgeOptions {
  /** Sockets, of which the first that answers is used. */
  readonly sockets: readonly string[];
  /** ms */
  readonly resyncInterval: number;
  readonly rules: CriRules;
}

interface Reached extends CriSession {
  readonly runtime: RuntimeInfo;
  readonly url: string;
}

/**
 * The runtime behind the Container Runtime Interface: keeps what it says of pods and containers in memory, by lists, events
 * where it has them and questions about single ones, and reconnects for ever.
 */
export class CriRuntime implements Engine {
  private readonly knowledge: PodKnowledge;
  private readonly connection: EngineConnection;
  private client: GrpcClient | undefined;
  /** With the address at which it answered last, or would. */
  private readonly address: { url: string } & Pick<RuntimeOptions, 'clock' | 'timers' | 'logger'>;
  /** Sockets behind which there is something else, as their files were then. */
  private readonly foreign = new Map<string, string>();
  private isQuiet = false;
  readonly usage = undefined;

  constructor(
    private readonly options: RuntimeOptions,
    listener: EngineListener,
  ) {
    const { clock, timers, logger, sockets } = options;
    this.address = { clock, timers, logger, url: sockets.map(urlOf).join(', ') };
    this.knowledge = new PodKnowledge(options, options.rules, (id) => {
      if (!this.isQuiet) listener.containerChanged(id);
    });
    this.connection = new EngineConnection(this.address, {
      run: (established) => this.run(established),
      changed: () => listener.allChanged(),
    });
  }

  get state(): 'new' | 'up' | 'down' {
    return this.connection.state;
  }

  get runtime(): RuntimeInfo | undefined {
    return this.connection.runtime;
  }

  start(): Promise<void> {
    return this.connection.start();
  }

  stop(): void {
    this.connection.stop();
    this.client?.close();
    this.knowledge.disconnected();
  }

  find(id: string): KnownContainer | undefined {
    return this.knowledge.find(id, this.state !== 'up');
  }

  denial(id: string): Denial | undefined {
    return this.knowledge.denial(id);
  }

  ask(id: string): void {
    if (this.state === 'up') this.knowledge.ask(id);
  }

  /** The cgroup of a container is gone. */
  ended(id: string): void {
    if (this.state === 'up') this.knowledge.ended(id);
  }

  departed(): readonly KnownEnd[] {
    return this.knowledge.departed();
  }

  async report(): Promise<EngineReport> {
    const { runtime } = this;
    const endpoint = this.address.url;
    if (runtime === undefined) return { runtime: RUNTIME, endpoint, reason: this.connection.away };
    const { version, apiVersion } = runtime;
    return {
      runtime: RUNTIME,
      endpoint,
      askedAt: this.options.clock.now(),
      info: this.knowledge.info(version, apiVersion),
    };
  }

  /** One connection, from its first call to its loss. */
  private async run(established: (runtime: RuntimeInfo, containers: number) => void): Promise<never> {
    const { timers, resyncInterval, rules } = this.options;
    let stopResync = () => {};
    try {
      const reached = await this.reach();
      this.address.url = reached.url;
      this.knowledge.connected(reached, { ...rules, namespace: NAMESPACES[reached.runtime.name] ?? RUNTIME });
      const lost = Promise.race([reached.client.lost(), this.follow(reached)]);
      lost.catch(() => {});
      this.isQuiet = true;
      await Promise.race([this.knowledge.resync(reached, true), lost]);
      this.isQuiet = false;
      established(reached.runtime, this.knowledge.size);
      return await Promise.race([
        lost,
        new Promise<never>((_, reject) => {
          stopResync = timers.every(resyncInterval, () => this.knowledge.resync(reached, false).catch(reject));
        }),
      ]);
    } finally {
      this.isQuiet = false;
      stopResync();
      this.knowledge.disconnected();
      this.client?.close();
      this.client = undefined;
    }
  }

  /** Takes in events. @returns rejects when the stream ends; settles never for a runtime that has no events */
  private async follow({ client, methods, url }: Reached): Promise<never> {
    const begun = this.options.clock.monotonic();
    let hasEvents = false;
    const take = ({ containerId }: { readonly containerId: string }) => {
      hasEvents = true;
      if (containerId !== '') this.knowledge.event(containerId);
    };
    const onGarbage = (error: EngineError) => this.options.logger.debug(error.message);
    const end = await client.stream(methods.events, {}, take, { endless: true, onGarbage }).then(
      () => new EngineError(`${url} ended its events`, undefined),
      (error: EngineError) => error,
    );
    const isRefusal = !hasEvents && this.options.clock.monotonic() - begun < AT_ONCE_MS;
    // CRI-O without `enable_pod_events` ends the stream, containerd before 1.7 does not know the method.
    if (end.status !== GRPC_UNIMPLEMENTED && !isRefusal) throw end;
    this.options.logger.debug(`${url} has no events: pods are asked about when their cgroups come and go`);
    return new Promise<never>(() => {});
  }

  /** Connects to the first socket behind which the interface is served. */
  private async reach(): Promise<Reached> {
    const { sockets } = this.options;
    const failures: EngineError[] = [];
    for (const path of sockets) {
      try {
        return await this.reachSocket(path);
      } catch (error) {
        // A runtime that hangs or refuses the agent is the one to wait for.
        if (!(error instanceof EngineError) || !isElsewhere(error)) throw error;
        failures.push(error);
      }
    }
    if (failures.length === 1) throw failures[0]!;
    const isAbsent = failures.every(({ absent, status }) => absent || status === GRPC_UNIMPLEMENTED);
    const cause = isAbsent ? Object.assign(new Error('absent'), { code: 'ENOENT' }) : undefined;
    const reasons = failures.map(messageOf).join('; ');
    throw new EngineError(`no socket leads to a Container Runtime Interface: ${reasons}`, undefined, cause);
  }

  private async reachSocket(path: string): Promise<Reached> {
    const url = urlOf(path);
    const file = fileMark(path);
    if (file !== undefined && this.foreign.get(path) === file) throw notServed(url);
    const client = await connectGrpc(path, this.options.timeout);
    this.client = client;
    try {
      for (const version of CRI_VERSIONS) {
        const methods = criMethods(version);
        const answer = await client.call(methods.version, { version }).catch((error: unknown) => error);
        if (answer instanceof EngineError && answer.status === GRPC_UNIMPLEMENTED) continue;
        if (answer instanceof Error) throw answer;
        const said = answer as Readonly<Record<'runtimeName' | 'runtimeVersion', string>>;
        const runtime = { name: said.runtimeName || RUNTIME, version: said.runtimeVersion, apiVersion: version };
        return { client, methods, url, runtime };
      }
    } catch (error) {
      client.close();
      throw error;
    }
    client.close();
    // The next attempts need not ask again: they come every few seconds.
    if (file !== undefined) this.foreign.set(path, file);
    throw notServed(url);
  }
}

const urlOf = (path: string): string => `unix://${path}`;

const notServed = (url: string): EngineError =>
  new EngineError(`${url} does not serve the Container Runtime Interface`, GRPC_UNIMPLEMENTED);

/** Whether another socket should be tried. */
function isElsewhere({ absent, status, cause }: EngineError): boolean {
  return absent || status === GRPC_UNIMPLEMENTED || codeOf(cause) === 'ECONNREFUSED';
}

/** Tells one socket from another that took its place. */
function fileMark(path: string): string | undefined {
  try {
    const { ino, mtimeMs } = statSync(path);
    return `${ino} ${mtimeMs}`;
  } catch {
    return undefined;
  }
}
