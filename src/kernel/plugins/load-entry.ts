import type { LoadedPlugin } from '../config/index.js';
import type { PluginEntry, PluginSources } from './entry.js';
import { loadIsolated } from './isolation/index.js';
import { loadPlugin } from './loader.js';

/** Loads the plugin of an entry, in the agent or in its own process. @throws TallymanError */
export function loadEntry(id: string, entry: PluginEntry, sources: PluginSources): Promise<LoadedPlugin> {
  return entry.isolate === true ? loadIsolated({ ...entry, id }, sources) : loadPlugin(entry, sources);
}
