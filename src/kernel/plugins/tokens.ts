import { Token } from '../composition/index.js';
import type { PluginSources } from './entry.js';
import type { PluginHost } from './plugin-host.js';

/** The plugins that come with the agent. */
export type BuiltinPlugins = Pick<PluginSources, 'builtins' | 'builtinsModule'>;

export const BUILTINS = new Token<BuiltinPlugins>('built-in plugins');
export const PLUGIN_HOST = new Token<PluginHost>('plugin host');
