import { writeFileSync } from 'node:fs';
import { serialize } from 'node:v8';
import { guardModules, jsonSchemaOf, withoutEmptySections } from '../../config/index.js';
import {
  type AgentView,
  type AppMetrics,
  type AppTarget,
  CollectionError,
  type HostPaths,
  type Logger,
  type MachineInfo,
  type Plugin,
  type PluginContext,
  TallymanError,
} from '../../contracts/index.js';
import { createLinuxHost, DescriptorBudget } from '../../linux/index.js';
import { createClock } from '../../log/index.js';
import { PluginRecord } from '../../supervision/index.js';
import { checkPlugin, importModule } from '../loader.js';
import { PluginScope } from '../scope.js';
import { AgentLink } from './agent-link.js';
import {
  type Call,
  type Manifest,
  type ModuleLocation,
  outcomeOf,
  type ToAgent,
  type ToWorker,
  toWire,
} from './protocol.js';

/** The kernel kills this process first when memory is short. */
const OOM_SCORE_ADJ = '1000';
/** Maximum size of an answer: the agent has to parse it. */
const MAX_RESULT_BYTES = 16 * 1024 * 1024;

/** The agent kills this process when loading takes too long. */
const NO_LIMIT_MS = 2 ** 31 - 1;

const clock = createClock();

/** The process in which one isolated plugin runs. */
class Worker {
  private readonly link = new AgentLink((message) => this.send(message));
  private readonly calls = new Map<number, AbortController>();
  /** By number, so that the plugin gets the same object for a target each time. */
  private readonly targets = new Map<number, AppTarget>();
  private id = '';
  private plugin: Plugin | undefined;
  private options: unknown;
  private scope: PluginScope | undefined;
  private instance: AppMetrics | undefined;

  receive(message: ToWorker): void {
    switch (message.type) {
      case 'ping':
        this.send({ type: 'pong' });
        break;
      case 'call':
        void this.call(message.call, message.what);
        break;
      case 'abort':
        this.calls.get(message.call)?.abort(new CollectionError('the collection was ended'));
        break;
      case 'forget':
        this.targets.delete(message.target);
        break;
      case 'answer':
        this.link.answered(message.access, message.outcome);
        break;
      case 'stream':
        this.link.happened(message.stream, message.what);
    }
  }

  fault(what: string, error: unknown): void {
    this.send({ type: 'fault', what, error: toWire(error) });
  }

  private send(message: ToAgent): void {
    if (process.connected) process.send?.(message);
  }

  private async load({ id, place, options }: Extract<Call, { method: 'load' }>): Promise<Manifest> {
    this.id = id;
    const plugin = checkPlugin(await moduleAt(place), place.builtin ?? place.url);
    const optionsSchema = jsonSchemaOf(plugin.configSchema);
    const parsed = plugin.configSchema.safeParse(withoutEmptySections(options, optionsSchema));
    this.plugin = plugin;
    this.options = parsed.data;
    const { kind, name, description, version = '' } = plugin;
    const manifest = { kind, name, version, description: String(description), optionsSchema };
    return parsed.success ? manifest : { ...manifest, issues: parsed.error.issues.map(plain) };
  }

  private async call(call: number, what: Call): Promise<void> {
    const abort = new AbortController();
    this.calls.set(call, abort);
    const outcome = await outcomeOf(async () => packed(await this.perform(call, what, abort.signal)));
    this.calls.delete(call);
    this.send({ type: 'result', call, outcome });
  }

  private async perform(call: number, what: Call, signal: AbortSignal): Promise<unknown> {
    if (what.method === 'load') return this.load(what);
    if (what.method === 'start') return this.start(what.paths, what.machine);
    if (what.method === 'collect' && what.target.target !== undefined) {
      this.targets.set(what.target.number, what.target.target);
    }
    const { instance } = this;
    if (instance === undefined) throw new TallymanError('the plugin has not started');
    if (what.method === 'stop') {
      this.scope?.dispose();
      return instance.stop?.();
    }
    if (what.method === 'targets') return instance.targets(what.container);
    const target = this.targets.get(what.target.number);
    if (target === undefined) throw new TallymanError(`target ${what.target.number} is not known`);
    const collected = await instance.collect(target, this.link.access(call, what, signal));
    const { specs, samples, problems, dropped } = collected ?? {};
    const interval = instance.intervalOf?.(target);
    return { collected: { specs, samples, problems, dropped }, interval };
  }

  private async start(paths: HostPaths, machine: MachineInfo): Promise<void> {
    const budget = new DescriptorBudget(0);
    const linux = createLinuxHost({ paths, budget, clock, readMachine: async () => machine });
    await linux.refresh();
    const attempt = async <T>(_record: unknown, what: string, work: () => T | Promise<T>): Promise<T> => {
      try {
        return await work();
      } catch (error) {
        this.fault(what, error);
        throw error;
      }
    };
    const scope = new PluginScope({ attempt }, new PluginRecord(this.id, this.id, '', 'retry'));
    this.scope = scope;
    const { signal } = scope;
    const context: PluginContext = {
      id: this.id,
      logger: this.logger(),
      clock,
      timers: scope,
      signal,
      linux,
      agent: NO_AGENT,
    };
    this.instance = this.plugin!.create(context, this.options) as AppMetrics;
    await this.instance.start?.();
  }

  private logger(): Logger {
    const at = (level: keyof Logger) => (message: string, details?: Record<string, unknown>) =>
      this.send({ type: 'log', level, message: String(message), ...(details && { details: plain(details) }) });
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  }
}

async function moduleAt({ url, builtin }: ModuleLocation): Promise<unknown> {
  if (builtin === undefined) guardModules();
  const module = await importModule(builtin ?? url, url, NO_LIMIT_MS);
  if (builtin === undefined) return module;
  const { builtinPlugins } = module as { builtinPlugins: Readonly<Record<string, () => Promise<unknown>>> };
  return builtinPlugins[builtin]!();
}

/** Serializes a value, so that its size is checked before it is sent. */
function packed(value: unknown): Uint8Array {
  const bytes = serialize(value);
  if (bytes.length <= MAX_RESULT_BYTES) return bytes;
  throw new TallymanError(`gave ${bytes.length} bytes at once; ${MAX_RESULT_BYTES} are the most`);
}

/** The serializable part of a value. */
function plain<T>(value: T): T {
  try {
    return JSON.parse(
      JSON.stringify(value, (_key, member: unknown) => (typeof member === 'bigint' ? String(member) : member)),
    ) as T;
  } catch {
    return String(value) as T;
  }
}

const NO_AGENT = new Proxy({} as AgentView, {
  get(_target, member) {
    throw new TallymanError(`ctx.agent.${String(member)}: an isolated plugin has no view of the agent`, {
      hint: 'run it without isolate, or do without ctx.agent',
    });
  },
});

try {
  writeFileSync('/proc/self/oom_score_adj', OOM_SCORE_ADJ);
} catch {
  // Where this is not permitted, the worker is as important as the agent.
}
const worker = new Worker();
process.on('message', (message) => worker.receive(message as ToWorker));
process.on('disconnect', () => process.exit(0));
process.on('uncaughtException', (error, origin) =>
  worker.fault(origin === 'unhandledRejection' ? 'a rejected promise' : 'a callback', error),
);
// The agent handles signals to its process group.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.send?.({ type: 'ready' } satisfies ToAgent);
