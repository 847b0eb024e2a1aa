import { assertTrusted, type LoadedConfig, loadConfig } from '../kernel/config/index.js';
import { loadEntry } from '../kernel/plugins/index.js';
import { builtinPlugins, builtinsModule, defaultPlugins } from '../plugins/builtins.js';
import type { CliEnvironment } from './environment.js';
import type { ConfigFlags } from './flags.js';
import { settingsOf } from './settings.js';

/** Runs code of a plugin, and attributes handles that it leaves open to the plugin. */
export function attributed<T>(cli: CliEnvironment, plugin: string, call: () => T): T {
  return cli.handles === undefined ? call() : cli.handles.during(plugin, call);
}

/** Loads the configuration from flags, variables, file and defaults. @throws ConfigError */
export function loadFor(flags: ConfigFlags, cli: CliEnvironment): Promise<LoadedConfig> {
  return loadConfig({
    ...settingsOf(flags, cli.env),
    ...(cli.workingDirectory === undefined ? {} : { workingDirectory: cli.workingDirectory }),
    ...(cli.systemDirectory === undefined ? {} : { systemDirectory: cli.systemDirectory }),
    builtins: builtinPlugins,
    defaultPlugins,
    resolvePlugin(entry, baseDir) {
      const { use, id } = entry;
      const load = () =>
        loadEntry(entry, {
          builtins: builtinPlugins,
          builtinsModule,
          baseDir,
          assertTrusted: (path) => assertTrusted(path, `plugin "${use}"`),
        });
      return Object.hasOwn(builtinPlugins, use) ? load() : attributed(cli, id, load);
    },
  });
}
