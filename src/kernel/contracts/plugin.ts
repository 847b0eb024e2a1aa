import type { AgentView } from './agent-view.js';
import type { AppMetrics } from './app-metrics.js';
import type { ContainerHandler } from './container.js';
import type { ApiVersion, Endpoint } from './http.js';
import type { LinuxHost } from './linux.js';
import type { MetricSource } from './metric-source.js';
import type { PluginKind } from './plugin-status.js';
import type { RuleProvider } from './rule.js';
import type { Sink } from './sink.js';
import { z } from './zod.js';

/** The version of this contract. A plugin declares the version it was written for; the kernel accepts equal majors. */
export const PLUGIN_API_VERSION = 1;

/** The property that identifies a plugin; a string, so that it works across copies of this package. */
export const PLUGIN_BRAND = '$tallyman';

/** A logger that adds the plugin's name to every line. Log changes of state, not every tick. */
export interface Logger {
  debug(message: string, details?: Record<string, unknown>): void;
  info(message: string, details?: Record<string, unknown>): void;
  warn(message: string, details?: Record<string, unknown>): void;
  error(message: string, details?: Record<string, unknown>): void;
}

export interface Clock {
  /** Wall-clock time, whole µs since the epoch. */
  now(): number;
  /** Monotonic milliseconds, for durations. */
  monotonic(): number;
}

/** Timers that stop with the plugin. An error thrown by a callback counts as a fault of the plugin; the timer continues. */
export interface Timers {
  /**
   * Calls back about every `milliseconds`. Intervals of 250 ms and more end at moments that are the same for all plugins, so that
   * the process is woken once for all of them: up to 500 ms early or late for whole seconds, 250 ms for half ones, 125 ms for
   * others. Asynchronous callbacks do not overlap.
   * @returns stops it
   */
  every(milliseconds: number, callback: () => void | Promise<void>): () => void;
  /** Calls back once. @returns cancels it */
  after(milliseconds: number, callback: () => void | Promise<void>): () => void;
}

/** The services of a plugin instance. */
export interface PluginContext {
  /** The instance's id, unique in the agent (`docker`, or `docker#2` for a second one). */
  readonly id: string;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Aborted when the plugin stops. */
  readonly signal: AbortSignal;
  /** Readers of the host's kernel interfaces. */
  readonly linux: LinuxHost;
  /** The agent, for API versions, endpoints and sinks. Empty until the agent has started. */
  readonly agent: AgentView;
}

/** What `create` returns for each kind. */
export interface PluginInstances extends Record<PluginKind, unknown> {
  'container-handler': ContainerHandler;
  'metric-source': MetricSource;
  'api-version': ApiVersion;
  endpoint: Endpoint;
  'app-metrics': AppMetrics;
  sink: Sink;
}

/** A plugin before `definePlugin`. */
export interface PluginDefinition<K extends PluginKind, S extends z.ZodType> {
  readonly kind: K;
  /** Short name, used in the config and in messages. */
  readonly name: string;
  /**
   * The contract it was written for, as a number: `1`. Not `PLUGIN_API_VERSION`, which is that of the agent that runs it, so
   * that a mismatch of the two would go unnoticed.
   */
  readonly apiVersion: number;
  /** Version of the plugin; default for a built-in plugin: that of the agent. */
  readonly version?: string;
  /** What it provides, in one sentence. */
  readonly description: string;
  /**
   * A zod schema of the `with:` block. It validates, prints the errors, gives editors their completion and the README
   * its option table; give every option a `.describe()` and, where there is one, a `.default()`. Default: no options.
   */
  readonly configSchema?: S;
  /** Creates an instance. I/O belongs in the `start` of the instance. */
  create(context: PluginContext, config: z.output<S>): PluginInstances[K] & RuleProvider;
}

/** A plugin: the branded object that a module exports as `default`. */
export interface Plugin<K extends PluginKind = PluginKind, S extends z.ZodType = z.ZodType>
  extends PluginDefinition<K, S> {
  readonly [PLUGIN_BRAND]: 'plugin';
  readonly configSchema: S;
}

/** Accepts no option. */
type NoOptions = z.ZodObject<Record<never, never>, z.core.$strict>;

/**
 * Brands a definition as a plugin. The kernel checks brand, `apiVersion` and `configSchema` of the plain value, so a plugin
 * may as well write the object out and need not depend on this package at run time.
 */
export function definePlugin<K extends PluginKind, S extends z.ZodType = NoOptions>(
  definition: PluginDefinition<K, S>,
): Plugin<K, S> {
  const { configSchema = z.strictObject({}) as z.ZodType as S } = definition;
  return { [PLUGIN_BRAND]: 'plugin', ...definition, configSchema };
}
