import { ListToken, Token } from '../composition/index.js';
import type { PluginInstances, PluginKind } from '../contracts/index.js';
import type { PluginRecord } from './record.js';

export interface ActivePlugin<K extends PluginKind = PluginKind> {
  readonly record: PluginRecord;
  readonly kind: K;
  readonly instance: PluginInstances[K];
}

export function isKind<K extends PluginKind>(plugin: ActivePlugin, kind: K): plugin is ActivePlugin<K> {
  return plugin.kind === kind;
}

/** Notified when an instance starts or stops running. */
export interface PluginObserver {
  activated?(plugin: ActivePlugin): void;
  deactivated?(plugin: ActivePlugin): void;
  /** The order of the plugins has changed. */
  reordered?(): void;
}

export const ACTIVE_PLUGINS = new Token<ActivePlugins>('active plugins');
export const PLUGIN_OBSERVERS = new ListToken<PluginObserver>('plugin observers');

/** The running plugin instances in start order, published by the plugin host. */
export class ActivePlugins {
  private plugins: readonly ActivePlugin[] = [];
  private readonly observers: PluginObserver[] = [];

  observe(observer: PluginObserver): void {
    this.observers.push(observer);
  }

  /** The running instances of a kind, in start order. */
  of<K extends PluginKind>(kind: K): readonly ActivePlugin<K>[] {
    return this.plugins.filter((plugin): plugin is ActivePlugin<K> => isKind(plugin, kind));
  }

  /** All running instances, in start order. */
  all(): readonly ActivePlugin[] {
    return this.plugins;
  }

  /** Publishes the running instances. Observers are notified of stopped instances before new ones. */
  publish(plugins: readonly ActivePlugin[]): void {
    const before = this.plugins;
    this.plugins = plugins;
    const ended = before.filter((plugin) => !plugins.includes(plugin));
    const started = plugins.filter((plugin) => !before.includes(plugin));
    const keptBefore = before.filter((plugin) => plugins.includes(plugin));
    const kept = plugins.filter((plugin) => before.includes(plugin));
    for (const observer of this.observers) {
      for (const plugin of ended) observer.deactivated?.(plugin);
      for (const plugin of started) observer.activated?.(plugin);
      if (kept.some((plugin, index) => plugin !== keptBefore[index])) observer.reordered?.();
    }
  }
}
