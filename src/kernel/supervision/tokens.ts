import { ListToken, Token } from '../composition/index.js';
import type { ActivePlugins, PluginObserver } from './active-plugins.js';
import type { Supervisor } from './supervisor.js';

export const SUPERVISOR = new Token<Supervisor>('supervisor');
export const ACTIVE_PLUGINS = new Token<ActivePlugins>('active plugins');
export const PLUGIN_OBSERVERS = new ListToken<PluginObserver>('plugin observers');
