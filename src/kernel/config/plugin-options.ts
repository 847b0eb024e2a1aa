import { messageOf, type Plugin, TallymanError } from '../contracts/index.js';
import { validate } from './issues.js';
import { type JsonSchema, jsonSchemaOf, withDefaults, withoutEmptySections } from './json-schema.js';
import { masked } from './masked.js';
import { type FileEntry, type ListedPlugin, mergePlugins } from './plugin-list.js';
import { type ConfigPath, type ConfigProblem, formatPath } from './problems.js';
import type { Report } from './report.js';
import { type PluginEntry, type PluginEntryInput, pluginEntrySchema } from './schema.js';
import { nearest } from './suggest.js';

/** Names of built-in plugins and how to import them. */
export type PluginTable = Readonly<Record<string, () => Promise<Plugin>>>;

/** A plugin and the module it came from. */
export interface LoadedPlugin {
  readonly plugin: Plugin;
  /** URL of the module; for a built-in its name. */
  readonly module: string;
}

/** A plugin was found, and its module failed while it was imported; `cause` is what it threw. */
export class BrokenPluginError extends TallymanError {
  override readonly name = 'BrokenPluginError';
}

/**
 * Finds and imports the plugin of an entry: a built-in, a package, or a path relative to `fromDirectory`. Not a line of a
 * plugin whose entry asks for isolation may run here.
 * @throws BrokenPluginError when the plugin's module is at fault, TallymanError when there is none, or it may not be used
 */
export type PluginResolver = (entry: PluginEntry, fromDirectory: string) => Promise<LoadedPlugin>;

/** Where plugins come from. */
export interface PluginOrigins {
  readonly builtins: PluginTable;
  readonly defaultPlugins: readonly PluginEntryInput[];
  readonly resolvePlugin: PluginResolver;
}

/** A plugin instance with its module and its validated options. */
export interface ConfiguredPlugin extends PluginEntry {
  readonly plugin: Plugin;
  /** What the plugin's schema made of `with`. */
  readonly options: unknown;
}

/** The effective list of plugins, in starting order. */
export interface PluginOutcome {
  readonly entries: readonly PluginEntry[];
  /** Those whose module could be loaded. */
  readonly plugins: readonly ConfiguredPlugin[];
  /** What came of loading each plugin, by the id of its entry, so that nobody need load it again. */
  readonly modules: ReadonlyMap<string, Promise<LoadedPlugin>>;
  /** The entries as one could write them, every default said. */
  readonly effective: readonly unknown[];
  /** The same without secrets. */
  readonly shown: readonly unknown[];
  readonly warnings: readonly string[];
}

/** Merges the lists, imports the modules and validates the options of every plugin that is to run. */
export async function configurePlugins(
  data: unknown,
  directory: string,
  origins: PluginOrigins,
  report: Report,
): Promise<PluginOutcome> {
  const { list, findings } = mergePlugins(origins.defaultPlugins, wellFormedEntries(data));
  report.add(findings);
  const names = [...Object.keys(origins.builtins), ...origins.defaultPlugins.map(({ id, use }) => id ?? use)];
  const modules = new Map<string, Promise<LoadedPlugin>>();
  const configurer = new Configurer(report, names, modules);
  const enabled = list.filter((listed) => listed.input.enabled !== false);
  for (const listed of list) if (!enabled.includes(listed)) configurer.judgeDisabled(listed);
  for (const listed of enabled) modules.set(listed.id, origins.resolvePlugin(entryOf(listed), directory));
  const outcomes = await Promise.allSettled(modules.values());
  for (const [index, listed] of enabled.entries()) {
    const module = outcomes[index]!;
    if (module.status === 'fulfilled') configurer.configure(listed, module.value.plugin);
    else configurer.notLoaded(listed, module.reason);
  }
  return configurer;
}

/** Everything that is wrong with a plugin's options that come from elsewhere than a file. @param source how it is named */
export function optionProblems({ configSchema }: Plugin, given: unknown, source: string): ConfigProblem[] {
  const json = jsonSchemaOf(configSchema);
  const { findings } = validate(configSchema, given, json);
  return findings.map(({ path, message, suggestion }) => ({
    source,
    path: formatPath(path),
    message,
    ...(suggestion === undefined ? {} : { suggestion }),
  }));
}

/** The entries of `plugins:` that their own schema accepts; the others have been reported. */
function wellFormedEntries(data: unknown): FileEntry[] {
  const plugins = (data as { plugins?: unknown } | null)?.plugins;
  if (!Array.isArray(plugins)) return [];
  return plugins.flatMap((input, index) =>
    pluginEntrySchema.safeParse(input).success ? [{ input, origin: ['plugins', index] }] : [],
  );
}

class Configurer implements PluginOutcome {
  readonly entries: PluginEntry[] = [];
  readonly plugins: ConfiguredPlugin[] = [];
  readonly effective: unknown[] = [];
  readonly shown: unknown[] = [];
  readonly warnings: string[] = [];

  constructor(
    private readonly report: Report,
    private readonly names: readonly string[],
    readonly modules: ReadonlyMap<string, Promise<LoadedPlugin>>,
  ) {}

  /** A disabled entry that disables nothing and looks like a misspelt name is an error. */
  judgeDisabled({ id, input, origin }: ListedPlugin): void {
    const isKnown = this.names.includes(id) || this.names.includes(input.use);
    const suggestion = isKnown ? undefined : nearest(id, this.names);
    if (suggestion === undefined || origin === undefined) return;
    const message = `there is no plugin ${JSON.stringify(id)} to disable`;
    this.report.add([{ path: [...origin, 'use'], message, suggestion }]);
  }

  configure(listed: ListedPlugin, plugin: Plugin): void {
    const json = jsonSchemaOf(plugin.configSchema);
    const entry = entryOf(listed);
    const given = withoutEmptySections(entry.with, json) as PluginEntry['with'];
    const { output, findings } = validate(plugin.configSchema, given, json);
    const base: ConfigPath = [...(listed.origin ?? ['plugins', entry.id]), 'with'];
    this.report.add(findings.map((finding) => ({ ...finding, path: [...base, ...finding.path] })));
    this.entries.push({ ...entry, with: given });
    this.plugins.push({ ...entry, with: given, plugin, options: output });
    this.addEffective(listed, json);
  }

  /** The module is not there, is refused, or failed; the last is for `onError` to judge. */
  notLoaded(listed: ListedPlugin, error: unknown): void {
    const entry = entryOf(listed);
    const path = [...(listed.origin ?? ['plugins', entry.id]), 'use'];
    if (error instanceof TallymanError && !(error instanceof BrokenPluginError)) {
      const suggestion = entry.use.includes('/') ? undefined : nearest(entry.use, this.names);
      const advice = suggestion === undefined ? hintOf(error) : { suggestion };
      this.report.add([{ path, message: error.message, ...advice }]);
      return;
    }
    const reason = messageOf(error instanceof BrokenPluginError ? error.cause : error);
    const message = `plugin ${entry.id}: its module cannot be loaded: ${reason}`;
    if (entry.onError === 'fail') {
      this.report.add([{ path, message }]);
      return;
    }
    this.entries.push(entry);
    this.addEffective(listed, {});
    this.warnings.push(message);
  }

  private addEffective(listed: ListedPlugin, json: JsonSchema): void {
    const entry = effectiveEntry(listed, json);
    this.effective.push(entry);
    this.shown.push({ ...entry, with: masked(entry.with, json) });
  }
}

function hintOf({ hint }: TallymanError): { hint?: string } {
  return hint === undefined ? {} : { hint };
}

function entryOf({ id, input }: ListedPlugin): PluginEntry {
  const { enabled: _, ...entry } = pluginEntrySchema.parse(input);
  return { ...entry, id };
}

const entryJson = jsonSchemaOf(pluginEntrySchema);

function effectiveEntry({ id, input }: ListedPlugin, optionsJson: JsonSchema) {
  const complete = withDefaults(input, entryJson) as Required<PluginEntryInput>;
  const { use, id: _, enabled: __, with: options, ...rest } = complete;
  const filled = withDefaults(withoutEmptySections(options, optionsJson), optionsJson);
  return { use, ...(id === use ? {} : { id }), with: filled, ...rest };
}
