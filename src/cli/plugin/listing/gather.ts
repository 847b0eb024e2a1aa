import type { LoadedConfig } from '../../../kernel/config/index.js';
import { builtinPlugins } from '../../../plugins/builtins.js';
import { agentVersion } from '../../version.js';
import type { PluginRow } from './rows.js';

/** What a configuration would load. */
export function configuredRows({ config, plugins, warnings }: LoadedConfig): PluginRow[] {
  return config.plugins.map(({ id = '', use }): PluginRow => {
    const plugin = plugins.find((each) => each.id === id)?.plugin;
    if (plugin === undefined) {
      const prefix = `plugin ${id}: `;
      const warning = warnings.find((each) => each.startsWith(prefix)) ?? '';
      return { id, name: use, version: '', source: use, state: 'broken', last_error: warning.slice(prefix.length) };
    }
    const { kind, name, version = Object.hasOwn(builtinPlugins, use) ? agentVersion() : '' } = plugin;
    return { id, kind, name, version, source: use, state: 'configured' };
  });
}

/** Built-in plugins that are not among those. */
export async function availableRows(rows: readonly PluginRow[]): Promise<PluginRow[]> {
  const used = new Set(rows.map(({ source }) => source));
  const others = Object.entries(builtinPlugins).filter(([name]) => !used.has(name));
  return Promise.all(
    others.map(async ([source, load]): Promise<PluginRow> => {
      const { kind, name, version = agentVersion() } = await load();
      return { id: source, kind, name, version, source, state: 'available' };
    }),
  );
}
