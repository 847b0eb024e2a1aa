import type { z } from 'zod';
import type { AgentView } from './agent-view.js';
import type { ContainerHandler } from './container.js';
import type { ApiVersion, Endpoint } from './http.js';
import type { LinuxHost } from './linux.js';
import type { MetricSource } from './metric-source.js';

/** The version of this contract. A plugin says which one it was written for; the kernel accepts equal majors. */
export const PLUGIN_API_VERSION = 1;

/** The property by which the kernel knows a plugin; a string, so that two copies of this package agree. */
export const PLUGIN_BRAND = '$tallyman';

/** What each kind's `create` returns. */
export interface PluginInstances {
  'container-handler': ContainerHandler;
  'metric-source': MetricSource;
  'api-version': ApiVersion;
  endpoint: Endpoint;
}

export type PluginKind = keyof PluginInstances;

/** Logger with the plugin's name already in every line. Say a thing once per change of state, not once per tick. */
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

/** Timers that stop with the plugin. A throwing callback counts as a fault of the plugin and does not end the timer. */
export interface Timers {
  /** Calls back every `milliseconds`, not overlapping when the callback is asynchronous. @returns stops it */
  every(milliseconds: number, callback: () => void | Promise<void>): () => void;
  /** Calls back once. @returns cancels it */
  after(milliseconds: number, callback: () => void | Promise<void>): () => void;
}

/** What a plugin gets: services by name, all bound to this one instance. */
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
  /** The agent as seen by API versions, endpoints and sinks. Empty until the agent has started. */
  readonly agent: AgentView;
}

/** A plugin before `definePlugin`. */
export interface PluginDefinition<K extends PluginKind, S extends z.ZodType> {
  readonly kind: K;
  /** Short name, used in the config and in every message. */
  readonly name: string;
  /** The contract it was written for: `PLUGIN_API_VERSION` at the time of writing. */
  readonly apiVersion: number;
  /** Version of the plugin itself; a built-in has the agent's. */
  readonly version?: string;
  /** One sentence: what it gives. */
  readonly description: string;
  /**
   * A zod schema of the `with:` block. It validates, prints the errors, gives editors their completion and the README
   * its option table; give every option a `.describe()` and, where there is one, a `.default()`.
   */
  readonly configSchema: S;
  /** Makes an instance. Must not do I/O: that belongs into the instance's `start`. */
  create(context: PluginContext, config: z.output<S>): PluginInstances[K];
}

/** A plugin: the plain, branded value that a plugin module exports as `default`. */
export interface Plugin<K extends PluginKind = PluginKind, S extends z.ZodType = z.ZodType>
  extends PluginDefinition<K, S> {
  readonly [PLUGIN_BRAND]: 'plugin';
}

/**
 * Brands a definition as a plugin. An identity helper for types: the kernel checks brand and `apiVersion` of the plain
 * value, so a plugin may as well write the object out and need not depend on this package at run time.
 */
export function definePlugin<K extends PluginKind, S extends z.ZodType>(
  definition: PluginDefinition<K, S>,
): Plugin<K, S> {
  return { [PLUGIN_BRAND]: 'plugin', ...definition };
}

/** What happens when a plugin cannot start. */
export type OnError =
  /** The agent does not start. */
  | 'fail'
  /** The agent goes on without it, and says so once. */
  | 'ignore'
  /** The agent goes on and tries again with growing pauses, for ever. */
  | 'retry'
  /** Like `ignore`, and without a warning: for plugins that only fit some hosts. */
  | 'probe';

/** A plugin as the API and `/metrics` report it. */
export interface PluginStatus {
  readonly id: string;
  readonly kind: PluginKind;
  readonly name: string;
  readonly version: string;
  /** The module it was loaded from: a built-in's name, a package or a path. */
  readonly source: string;
  readonly state: 'loading' | 'starting' | 'running' | 'open' | 'failed' | 'retrying' | 'stopped';
  /** True while it runs and its circuit breaker is closed. */
  readonly up: boolean;
  /** Faults since the start of the agent. */
  readonly errors: number;
  readonly lastError?: string;
  /** µs since the epoch; absent before the first. */
  readonly lastErrorAt?: number;
  readonly lastSuccessAt?: number;
  /** Calls and the time spent in them, milliseconds in all (sampled calls are estimated). */
  readonly calls: number;
  readonly busyMs: number;
}
