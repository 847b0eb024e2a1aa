import 'reflect-metadata';
import { type DependencyContainer, type InjectionToken, instanceCachingFactory } from 'tsyringe';
import type { AgentView, Clock, LinuxHost, Logger, PluginContext } from '../contracts/index.js';
import type { PluginRecord, Supervisor } from '../supervision/index.js';
import { PluginScope } from './scope.js';

/** Makes a logger that puts the plugin's id into every line. */
export type LoggerFactory = (pluginId: string) => Logger;

/** Tokens of the services that plugin contexts are made from. */
export const PLUGIN_TOKENS = {
  supervisor: Symbol('Supervisor') as InjectionToken<Supervisor>,
  clock: Symbol('Clock') as InjectionToken<Clock>,
  logger: Symbol('Logger') as InjectionToken<LoggerFactory>,
  linux: Symbol('LinuxHost') as InjectionToken<LinuxHost>,
  view: Symbol('AgentView') as InjectionToken<AgentView>,
  record: Symbol('PluginRecord') as InjectionToken<PluginRecord>,
  scope: Symbol('PluginScope') as InjectionToken<PluginScope>,
  context: Symbol('PluginContext') as InjectionToken<PluginContext>,
} as const;

/** A child container for one instance of a plugin; it resolves the instance's context and scope. */
export function instanceContainer(root: DependencyContainer, record: PluginRecord): DependencyContainer {
  const child = root.createChildContainer();
  child.register(PLUGIN_TOKENS.record, { useValue: record });
  child.register(PLUGIN_TOKENS.scope, {
    useFactory: instanceCachingFactory((c) => new PluginScope(c.resolve(PLUGIN_TOKENS.supervisor), record)),
  });
  child.register(PLUGIN_TOKENS.context, { useFactory: instanceCachingFactory(contextOf) });
  return child;
}

function contextOf(container: DependencyContainer): PluginContext {
  const scope = container.resolve(PLUGIN_TOKENS.scope);
  const { id } = container.resolve(PLUGIN_TOKENS.record);
  return {
    id,
    logger: container.resolve(PLUGIN_TOKENS.logger)(id),
    clock: container.resolve(PLUGIN_TOKENS.clock),
    timers: scope,
    signal: scope.signal,
    linux: container.resolve(PLUGIN_TOKENS.linux),
    agent: container.resolve(PLUGIN_TOKENS.view),
  };
}
