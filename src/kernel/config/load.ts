import { dirname } from 'node:path';
import { messageOf, type Plugin, TallymanError } from '../contracts/index.js';
import { type ConfigDocument, parseConfigText } from './document.js';
import { findConfig, SYSTEM_DIRECTORY } from './find.js';
import { type Finding, validate } from './issues.js';
import { type JsonSchema, jsonSchemaOf, schemaAt, withDefaults, withoutEmptySections } from './json-schema.js';
import { type FileEntry, type ListedPlugin, mergePlugins } from './plugin-list.js';
import { ConfigError, type ConfigPath, type ConfigProblem, formatPath } from './problems.js';
import {
  type AgentConfig,
  agentConfigSchema,
  type PluginEntry,
  type PluginEntryInput,
  pluginEntrySchema,
} from './schema.js';
import { nearest } from './suggest.js';

/** Names of built-in plugins and how to import them. */
export type PluginTable = Readonly<Record<string, () => Promise<Plugin>>>;

/**
 * Finds and imports the plugin that `use` names: a built-in, a package, or a path relative to `fromDirectory`.
 * @throws TallymanError when there is none, or it may not be used; anything else is a fault of the plugin's module
 */
export type PluginResolver = (use: string, fromDirectory: string) => Promise<Plugin>;

/** A change from outside the file: a command-line flag or a variable. */
export interface ConfigOverride {
  /** How errors name it: `--listen`, `TALLYMAN_LISTEN`. */
  readonly source: string;
  /** The option that it changes. */
  readonly path: readonly string[];
  /** The new value, given the one so far (the file's or the default). @throws TallymanError when it does not fit */
  change(current: unknown): unknown;
}

export interface LoadOptions {
  /** The file that was named, and by what (`--config`); none: search. */
  readonly named?: { readonly file: string; readonly source: string };
  readonly workingDirectory?: string;
  readonly systemDirectory?: string;
  readonly builtins: PluginTable;
  readonly defaultPlugins: readonly PluginEntryInput[];
  readonly resolvePlugin: PluginResolver;
  /** In the order in which they are applied. */
  readonly overrides?: readonly ConfigOverride[];
}

/** A plugin instance with its module and its validated options. */
export interface ConfiguredPlugin extends PluginEntry {
  readonly plugin: Plugin;
  /** What the plugin's schema made of `with`. */
  readonly options: unknown;
}

export interface LoadedConfig {
  readonly config: AgentConfig;
  /** Absolute path; `undefined`: defaults. */
  readonly file: string | undefined;
  /** Directory from which paths of plugins count. */
  readonly directory: string;
  /** Instances in starting order. Those whose module failed are only in `config.plugins`, and in `warnings`. */
  readonly plugins: readonly ConfiguredPlugin[];
  /** The whole configuration as one could write it in a file, every default said. */
  readonly effective: unknown;
  /** Plugins whose module cannot be loaded now, where `onError` says that this is no reason to end. */
  readonly warnings: readonly string[];
}

/**
 * Finds, reads and validates the configuration.
 * @throws ConfigError with everything that is wrong with it
 */
export async function loadConfig(options: LoadOptions): Promise<LoadedConfig> {
  const workingDirectory = options.workingDirectory ?? currentDirectory();
  const found = findConfig({
    workingDirectory,
    systemDirectory: options.systemDirectory ?? SYSTEM_DIRECTORY,
    ...(options.named === undefined ? {} : { named: options.named }),
  });
  const file = found?.file;
  const document = parseConfigText(found?.text ?? '', file ?? '(defaults)');
  const report = new Report(document, file ?? '(defaults)');
  const json = jsonSchemaOf(agentConfigSchema);
  const data = applyOverrides(withoutEmptySections(document.data, json), options.overrides ?? [], json, report);
  const result = validate(agentConfigSchema, data, json);
  report.add(result.findings);

  const directory = file === undefined ? workingDirectory : dirname(file);
  const list = await resolveList(data, directory, options, report);
  if (report.problems.length > 0 || result.output === undefined) throw new ConfigError(report.sorted());
  const { $schema: _, ...sections } = result.output;
  return {
    config: { ...sections, plugins: list.entries },
    file,
    directory,
    plugins: list.plugins,
    effective: effectiveOf(data, json, list.effective),
    warnings: list.warnings,
  };
}

function currentDirectory(): string {
  try {
    return process.cwd();
  } catch {
    return '/';
  }
}

/** Collects problems and ties each to the file's line, or to the flag or variable that it comes from. */
class Report {
  readonly problems: ConfigProblem[];
  readonly #document: ConfigDocument;
  readonly #file: string;
  readonly #overridden: { path: readonly string[]; source: string }[] = [];

  constructor(document: ConfigDocument, file: string) {
    this.#document = document;
    this.#file = file;
    this.problems = [...document.problems];
  }

  overridden(path: readonly string[], source: string): void {
    this.#overridden.unshift({ path, source });
  }

  add(findings: readonly (Finding & { hint?: string })[]): void {
    for (const { path, message, suggestion, hint, aboutKey } of findings) {
      const extra = { ...(suggestion === undefined ? {} : { suggestion }), ...(hint === undefined ? {} : { hint }) };
      const override = this.#overridden.find((each) => each.path.every((segment, index) => path[index] === segment));
      const place =
        override === undefined
          ? { source: this.#file, ...this.#document.positionOf(path, aboutKey), path: formatPath(path) }
          : { source: override.source, path: '' };
      this.problems.push({ ...place, message, ...extra });
    }
  }

  sorted(): ConfigProblem[] {
    return this.problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
  }
}

function applyOverrides(
  data: unknown,
  overrides: readonly ConfigOverride[],
  json: JsonSchema,
  report: Report,
): unknown {
  let result = data;
  for (const { path, source, change } of overrides) {
    try {
      result = changeAt(result, path, (current) => change(withDefaults(current, schemaAt(json, path))));
      report.overridden(path, source);
    } catch (error) {
      if (!(error instanceof TallymanError)) throw error;
      report.problems.push({ source, path: '', message: error.message });
    }
  }
  return result;
}

/** A copy of `data` with one value changed; what is in the way and no mapping stays, for validation to find. */
function changeAt(data: unknown, path: readonly string[], change: (current: unknown) => unknown): unknown {
  const [segment, ...rest] = path;
  if (segment === undefined) return change(data);
  if (data !== undefined && (typeof data !== 'object' || data === null || Array.isArray(data))) return data;
  const current = (data as Record<string, unknown> | undefined)?.[segment];
  return { ...data, [segment]: changeAt(current, rest, change) };
}

interface ResolvedList {
  readonly entries: PluginEntry[];
  readonly plugins: ConfiguredPlugin[];
  readonly effective: unknown[];
  readonly warnings: string[];
}

async function resolveList(
  data: unknown,
  directory: string,
  options: LoadOptions,
  report: Report,
): Promise<ResolvedList> {
  const { list, findings } = mergePlugins(options.defaultPlugins, wellFormedEntries(data));
  report.add(findings);
  const result: ResolvedList = { entries: [], plugins: [], effective: [], warnings: [] };
  const names = [...Object.keys(options.builtins), ...options.defaultPlugins.map(({ id, use }) => id ?? use)];
  const enabled = list.filter((each) => each.input.enabled !== false || judgeDisabled(each, names, report));
  const modules = await Promise.allSettled(
    enabled.map(async ({ input }) => options.resolvePlugin(input.use, directory)),
  );
  for (const [index, listed] of enabled.entries()) {
    const { enabled: _, ...entry } = pluginEntrySchema.parse(listed.input);
    const complete: PluginEntry = { ...entry, id: listed.id };
    const module = modules[index]!;
    if (module.status === 'rejected') unresolved(complete, listed, module.reason, names, result, report);
    else configure(complete, listed, module.value, result, report);
  }
  return result;
}

/** The entries of `plugins:` that their own schema accepts; the others have been reported. */
function wellFormedEntries(data: unknown): FileEntry[] {
  const plugins = (data as { plugins?: unknown } | null)?.plugins;
  if (!Array.isArray(plugins)) return [];
  return plugins.flatMap((input, index) =>
    pluginEntrySchema.safeParse(input).success ? [{ input, origin: ['plugins', index] }] : [],
  );
}

/** A disabled entry that disables nothing and looks like a misspelt name is an error. @returns false: leave it out */
function judgeDisabled(listed: ListedPlugin, names: readonly string[], report: Report): false {
  const suggestion =
    names.includes(listed.id) || names.includes(listed.input.use) ? undefined : nearest(listed.id, names);
  if (suggestion !== undefined && listed.origin !== undefined) {
    report.add([
      {
        path: [...listed.origin, 'use'],
        message: `there is no plugin ${JSON.stringify(listed.id)} to disable`,
        suggestion,
      },
    ]);
  }
  return false;
}

function unresolved(
  entry: PluginEntry,
  listed: ListedPlugin,
  error: unknown,
  names: readonly string[],
  result: ResolvedList,
  report: Report,
): void {
  const path = [...(listed.origin ?? ['plugins']), 'use'];
  const isRefusal = error instanceof TallymanError;
  if (!isRefusal && entry.onError !== 'fail') {
    result.entries.push(entry);
    result.effective.push(effectiveEntry(listed, {}));
    result.warnings.push(`plugin ${entry.id}: its module cannot be loaded: ${messageOf(error)}`);
    return;
  }
  const suggestion = isRefusal && !entry.use.includes('/') ? nearest(entry.use, names) : undefined;
  const message = isRefusal ? error.message : `the plugin's module cannot be loaded: ${messageOf(error)}`;
  const hint = isRefusal && suggestion === undefined ? error.hint : undefined;
  report.add([
    { path, message, ...(suggestion === undefined ? {} : { suggestion }), ...(hint === undefined ? {} : { hint }) },
  ]);
}

function configure(
  entry: PluginEntry,
  listed: ListedPlugin,
  plugin: Plugin,
  result: ResolvedList,
  report: Report,
): void {
  const json = jsonSchemaOf(plugin.configSchema);
  const given = withoutEmptySections(entry.with, json);
  const { output, findings } = validate(plugin.configSchema, given, json);
  const base: ConfigPath = [...(listed.origin ?? ['plugins', entry.id]), 'with'];
  report.add(findings.map((finding) => ({ ...finding, path: [...base, ...finding.path] })));
  result.entries.push(entry);
  result.plugins.push({ ...entry, plugin, options: output });
  result.effective.push(effectiveEntry(listed, json));
}

const entryJson = jsonSchemaOf(pluginEntrySchema);

function effectiveEntry(listed: ListedPlugin, optionsJson: JsonSchema): unknown {
  const {
    use,
    id: _,
    enabled: __,
    with: options,
    ...rest
  } = withDefaults(listed.input, entryJson) as Required<PluginEntryInput>;
  return {
    use,
    ...(listed.id === use ? {} : { id: listed.id }),
    with: withDefaults(withoutEmptySections(options, optionsJson), optionsJson),
    ...rest,
  };
}

function effectiveOf(data: unknown, json: JsonSchema, plugins: readonly unknown[]): unknown {
  const { $schema: _, ...sections } = withDefaults(data, json) as Record<string, unknown>;
  return { ...sections, plugins };
}
