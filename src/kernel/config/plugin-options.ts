import { messageOf, type Plugin, TallymanError } from '../contracts/index.js';
import { type Finding, validate } from './issues.js';
import { type JsonSchema, jsonSchemaOf, LazyJsonSchema, withDefaults, withoutEmptySections } from './json-schema.js';
import { masked } from './masked.js';
import { type ConfigPath, type ConfigProblem, formatPath } from './problems.js';
import type { Report } from './report.js';
import { type PluginEntry, type PluginEntryInput, pluginEntrySchema } from './schema.js';
import { nearest } from './suggest.js';

/** Built-in plugins by name, imported on demand. */
export type PluginTable = Readonly<Record<string, () => Promise<Plugin>>>;

/** A plugin and the module it came from. */
export interface LoadedPlugin {
  readonly plugin: Plugin;
  /** URL of the module; for a built-in its name. */
  readonly module: string;
}

/** The module of a plugin threw while it was imported; `cause` is the error. */
export class BrokenPluginError extends TallymanError {
  override readonly name = 'BrokenPluginError';
}

/**
 * Finds and imports the plugin of an entry: a built-in, a package, or a path relative to `fromDirectory`. The code of
 * an isolated plugin must not run here.
 * @throws BrokenPluginError when the plugin's module fails, TallymanError when it does not exist or is not allowed
 */
export type PluginResolver = (entry: PluginEntry, fromDirectory: string) => Promise<LoadedPlugin>;

export interface PluginOrigins {
  readonly builtins: PluginTable;
  readonly defaultPlugins: readonly PluginEntryInput[];
  readonly resolvePlugin: PluginResolver;
}

/** A plugin instance with its module and its validated options. */
export interface ConfiguredPlugin extends PluginEntry {
  readonly plugin: Plugin;
  /** `with` as parsed by the plugin's schema. */
  readonly options: unknown;
}

/** A plugin instance of the effective list, as input of the entry schema. */
interface ListedPlugin {
  readonly id: string;
  readonly input: PluginEntryInput;
  /** Its path in the file; `undefined` for an unchanged default. */
  readonly origin: ConfigPath | undefined;
}

/** A valid entry of the file and its path. */
interface FileEntry {
  readonly input: PluginEntryInput;
  readonly origin: ConfigPath;
}

/** Merges the lists, imports the modules and validates the options of every enabled plugin. */
export async function configurePlugins(
  data: unknown,
  directory: string,
  origins: PluginOrigins,
  report: Report,
): Promise<Configurer> {
  const { list, findings } = mergePlugins(origins.defaultPlugins, wellFormedEntries(data));
  report.add(findings);
  const names = [...Object.keys(origins.builtins), ...origins.defaultPlugins.map(({ id, use }) => id ?? use)];
  const modules = new Map<string, Promise<LoadedPlugin>>();
  const configurer = new Configurer(report, names, modules);
  const enabled = list.filter((listed) => listed.input.enabled !== false);
  for (const listed of list) if (!enabled.includes(listed)) configurer.checkDisabled(listed);
  for (const listed of enabled) modules.set(listed.id, origins.resolvePlugin(entryOf(listed), directory));
  const outcomes = await Promise.allSettled(modules.values());
  for (const [index, listed] of enabled.entries()) {
    const module = outcomes[index]!;
    if (module.status === 'fulfilled') configurer.configure(listed, module.value.plugin);
    else configurer.notLoaded(listed, module.reason);
  }
  return configurer;
}

/** The problems of a plugin's options that do not come from a config file. @param source the origin's name in errors */
export function optionProblems({ configSchema }: Plugin, given: unknown, source: string): ConfigProblem[] {
  const { findings } = validate(configSchema, given, new LazyJsonSchema(configSchema));
  return findings.map(({ path, message, suggestion }) => ({
    source,
    path: formatPath(path),
    message,
    ...(suggestion === undefined ? {} : { suggestion }),
  }));
}

/** The valid entries of `plugins:`; the others have been reported. */
function wellFormedEntries(data: unknown): FileEntry[] {
  const plugins = (data as { plugins?: unknown } | null)?.plugins;
  if (!Array.isArray(plugins)) return [];
  return plugins.flatMap((input, index) =>
    pluginEntrySchema.safeParse(input).success ? [{ input, origin: ['plugins', index] }] : [],
  );
}

/**
 * Merges the file's entries into the default list. Options missing in an entry are taken from the default with the same
 * ID, if it is the same plugin. Disabled entries are kept (with `enabled: false`) for the caller to check.
 */
function mergePlugins(
  defaults: readonly PluginEntryInput[],
  entries: readonly FileEntry[],
): { list: ListedPlugin[]; findings: Finding[] } {
  const list = new Map<string, ListedPlugin>();
  const findings: Finding[] = [];
  for (const input of defaults) {
    const id = input.id ?? input.use;
    list.set(id, { id, input, origin: undefined });
  }
  const explicit = new Set(entries.flatMap(({ input }) => input.id ?? []));
  const taken = new Set<string>();
  for (const { input, origin } of entries) {
    const id = input.id ?? freeId(input.use, (name) => taken.has(name) || explicit.has(name));
    if (taken.has(id)) {
      findings.push({ path: [...origin, 'id'], message: `${JSON.stringify(id)} is the id of an earlier entry` });
      continue;
    }
    taken.add(id);
    const base = list.get(id)?.input;
    list.set(id, { id, input: base?.use === input.use ? { ...base, ...input } : input, origin });
  }
  return { list: [...list.values()], findings };
}

function freeId(use: string, isTaken: (id: string) => boolean): string {
  if (!isTaken(use)) return use;
  for (let number = 2; ; number++) {
    const id = `${use}#${number}`;
    if (!isTaken(id)) return id;
  }
}

/** The effective list of plugins, in starting order. */
class Configurer {
  readonly entries: PluginEntry[] = [];
  /** Those whose module was loaded. */
  readonly plugins: ConfiguredPlugin[] = [];
  readonly warnings: string[] = [];
  /** What `effective` and `shown` are made of. */
  private readonly listed: { readonly listed: ListedPlugin; readonly json: { readonly value: JsonSchema } }[] = [];

  constructor(
    private readonly report: Report,
    private readonly names: readonly string[],
    /** The outcome of loading each plugin, by entry ID, so that it is loaded only once. */
    readonly modules: ReadonlyMap<string, Promise<LoadedPlugin>>,
  ) {}

  /** The entries in the form of the config file, with all defaults. */
  get effective(): readonly EffectiveEntry[] {
    return this.listed.map(({ listed, json }) => effectiveEntry(listed, json.value));
  }

  /** The same with secrets masked. */
  get shown(): readonly EffectiveEntry[] {
    return this.listed.map(({ listed, json }) => {
      const entry = effectiveEntry(listed, json.value);
      return { ...entry, with: masked(entry.with, json.value) };
    });
  }

  /** Reports a disabled entry whose name looks misspelt and matches no plugin. */
  checkDisabled({ id, input, origin }: ListedPlugin): void {
    const isKnown = this.names.includes(id) || this.names.includes(input.use);
    const suggestion = isKnown ? undefined : nearest(id, this.names);
    if (suggestion === undefined || origin === undefined) return;
    const message = `there is no plugin ${JSON.stringify(id)} to disable`;
    this.report.add([{ path: [...origin, 'use'], message, suggestion }]);
  }

  configure(listed: ListedPlugin, plugin: Plugin): void {
    const json = new LazyJsonSchema(plugin.configSchema);
    const entry = entryOf(listed);
    const isDefault = Object.keys(entry.with).length === 0;
    const given = isDefault ? entry.with : (withoutEmptySections(entry.with, json.value) as PluginEntry['with']);
    const { output, findings } = validate(plugin.configSchema, given, json);
    const base: ConfigPath = [...(listed.origin ?? ['plugins', entry.id]), 'with'];
    this.report.add(findings.map((finding) => ({ ...finding, path: [...base, ...finding.path] })));
    this.entries.push({ ...entry, with: given });
    this.plugins.push({ ...entry, with: given, plugin, options: output });
    this.listed.push({ listed, json });
  }

  /** Reports a module that is missing or rejected; `onError` decides about one that failed. */
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
    this.listed.push({ listed, json: { value: {} } });
    this.warnings.push(message);
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

/** An entry with all defaults; without its ID where that is the value of `use`. */
export type EffectiveEntry = Omit<Required<PluginEntryInput>, 'id' | 'enabled' | 'with'> & {
  readonly id?: string;
  readonly with: unknown;
};

function effectiveEntry({ id, input }: ListedPlugin, optionsJson: JsonSchema): EffectiveEntry {
  const complete = withDefaults(input, entryJson) as Required<PluginEntryInput>;
  const { use, id: _, enabled: __, with: options, ...rest } = complete;
  const filled = withDefaults(withoutEmptySections(options, optionsJson), optionsJson);
  return { use, ...(id === use ? {} : { id }), with: filled, ...rest };
}
