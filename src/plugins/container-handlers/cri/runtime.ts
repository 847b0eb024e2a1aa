import {
  codeOf,
  type EngineInfo,
  messageOf,
  type PluginContext,
  type RuntimeInfo,
} from '../../../kernel/contracts/index.js';
import {
  connectGrpc,
  EngineBase,
  EngineError,
  fileMark,
  GRPC_UNIMPLEMENTED,
  type OpenConnection,
} from '../common/index.js';
import { type CriSession, PodKnowledge } from './knowledge.js';
import { CRI_VERSIONS, criMethods } from './messages.js';
import type { CriRules } from './options.js';

/** A stream of events that ends within this time was refused. */
const AT_ONCE_MS = 1000;
/** Namespaces of aliases by the runtime's name, as cAdvisor calls them. */
const NAMESPACES: Readonly<Record<string, string>> = { containerd: 'containerd', 'cri-o': 'crio', docker: 'docker' };

interface Reached extends CriSession {
  readonly runtime: RuntimeInfo;
  readonly url: string;
}

/**
 * The runtime behind the Container Runtime Interface. It is listed now and then; in between its events, where it has them, and
 * cgroups that come and go are reasons to ask about single containers.
 */
export class CriRuntime extends EngineBase<CriSession, PodKnowledge, CriRules> {
  /** All that is reported is known already. */
  protected override readonly reportMaxAgeMs = 0;
  /** Sockets behind which there is something else, as their files were then. */
  private readonly foreign = new Map<string, string>();

  constructor(context: PluginContext, options: CriRules) {
    const url = options.endpoint.map(urlOf).join(', ');
    super(context, options, { url }, (changed) => new PodKnowledge(context, options, changed));
  }

  /** The cgroup of a container is gone. */
  ended(id: string): void {
    if (this.state === 'up') this.knowledge.ended(id);
  }

  protected async ask(_: CriSession, runtime: RuntimeInfo): Promise<EngineInfo> {
    return this.knowledge.info(runtime);
  }

  protected async connect(): Promise<OpenConnection<CriSession>> {
    const reached = await this.reach();
    this.address = { url: reached.url };
    const ended = Promise.race([reached.client.lost(), this.follow(reached)]);
    return { client: reached, runtime: reached.runtime, ended };
  }

  /** Takes in events. @returns rejects when the stream ends; settles never for a runtime that has no events */
  private async follow({ client, methods, url }: Reached): Promise<never> {
    const begun = this.context.clock.monotonic();
    let hasEvents = false;
    const take = ({ containerId }: { readonly containerId: string }) => {
      hasEvents = true;
      if (containerId !== '') this.knowledge.event(containerId);
    };
    const onGarbage = (error: EngineError) => this.context.logger.debug(error.message);
    const end = await client.stream(methods.events, {}, take, { endless: true, onGarbage }).then(
      () => new EngineError(`${url} ended its events`, undefined),
      (error: EngineError) => error,
    );
    const isRefusal = !hasEvents && this.context.clock.monotonic() - begun < AT_ONCE_MS;
    // CRI-O without `enable_pod_events` ends the stream, containerd before 1.7 does not know the method.
    if (end.status !== GRPC_UNIMPLEMENTED && !isRefusal) throw end;
    this.context.logger.debug(`${url} has no events: pods are asked about when their cgroups come and go`);
    return new Promise<never>(() => {});
  }

  /** Connects to the first socket behind which the interface is served. */
  private async reach(): Promise<Reached> {
    const failures: EngineError[] = [];
    for (const path of this.options.endpoint) {
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
    const { timeout, namespace } = this.options;
    const url = urlOf(path);
    const file = fileMark(path);
    if (file !== undefined && this.foreign.get(path) === file) throw notServed(url);
    const client = await connectGrpc(path, timeout);
    this.open = client;
    try {
      for (const version of CRI_VERSIONS) {
        const methods = criMethods(version);
        const answer = await client.call(methods.version, { version }).catch((error: unknown) => error);
        if (answer instanceof EngineError && answer.status === GRPC_UNIMPLEMENTED) continue;
        if (answer instanceof Error) throw answer;
        const said = answer as Readonly<Record<'runtimeName' | 'runtimeVersion', string>>;
        const runtime = { name: said.runtimeName || namespace, version: said.runtimeVersion, apiVersion: version };
        const rules = { ...this.options, namespace: NAMESPACES[runtime.name] ?? namespace };
        return { client, methods, rules, url, runtime };
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
