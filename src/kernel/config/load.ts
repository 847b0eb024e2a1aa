import { dirname } from 'node:path';
import { TallymanError } from '../contracts/index.js';
import { parseConfigText } from './document.js';
import { findConfig, type Search, SYSTEM_DIRECTORY } from './find.js';
import { validate } from './issues.js';
import { type JsonSchema, jsonSchemaOf, schemaAt, withDefaults, withoutEmptySections } from './json-schema.js';
import { masked } from './masked.js';
import {
  type ConfiguredPlugin,
  configurePlugins,
  type EffectiveEntry,
  type LoadedPlugin,
  type PluginOrigins,
} from './plugin-options.js';
import { ConfigError } from './problems.js';
import { Report } from './report.js';
import { type AgentConfig, agentConfigSchema } from './schema.js';

/** A change from outside the file: a command-line flag or a variable. */
export interface ConfigOverride {
  /** Its name in errors: `--listen`, `TALLYMAN_LISTEN`. */
  readonly source: string;
  readonly path: readonly string[];
  /** Computes the new value from the current one (the file's or the default). @throws TallymanError when invalid */
  change(current: unknown): unknown;
}

export interface LoadOptions extends PluginOrigins, Partial<Search> {
  /** In the order in which they are applied. */
  readonly overrides?: readonly ConfigOverride[];
}

/** A configuration in the form of a config file. */
export interface EffectiveConfig {
  readonly plugins: readonly EffectiveEntry[];
  readonly [section: string]: unknown;
}

export interface LoadedConfig {
  readonly config: AgentConfig;
  /** Absolute path; `undefined`: defaults. */
  readonly file: string | undefined;
  /** Base of relative paths of plugins. */
  readonly directory: string;
  /** Instances in starting order. Those whose module failed are only in `config.plugins`, and in `warnings`. */
  readonly plugins: readonly ConfiguredPlugin[];
  /** The outcome of loading each plugin, by entry ID. */
  readonly modules: ReadonlyMap<string, Promise<LoadedPlugin>>;
  /** The whole configuration in the form of a config file, with all defaults. */
  readonly effective: EffectiveConfig;
  /** The same with secrets masked, for display. */
  readonly shown: EffectiveConfig;
  /** Plugins whose module cannot be loaded, where `onError` is not `fail`. */
  readonly warnings: readonly string[];
  /** Adds file, line and column of the options concerned to the problems of an error. */
  located(error: ConfigError): ConfigError;
}

/**
 * Finds, reads and validates the configuration.
 * @throws ConfigError with all problems
 */
export async function loadConfig(options: LoadOptions): Promise<LoadedConfig> {
  const workingDirectory = options.workingDirectory ?? currentDirectory();
  const found = findConfig({ systemDirectory: SYSTEM_DIRECTORY, ...options, workingDirectory });
  const file = found?.file;
  const document = parseConfigText(found?.text ?? '', file ?? '(defaults)');
  const report = new Report(document, file ?? '(defaults)');
  const json = jsonSchemaOf(agentConfigSchema);
  const data = applyOverrides(withoutEmptySections(document.data, json), options.overrides ?? [], json, report);
  const result = validate(agentConfigSchema, data, { value: json });
  report.add(result.findings);

  const directory = file === undefined ? workingDirectory : dirname(file);
  const list = await configurePlugins(data, directory, options, report);
  if (report.problems.length > 0 || result.output === undefined) throw new ConfigError(report.sorted());
  const { $schema: _, ...sections } = result.output;
  return {
    config: { ...sections, plugins: list.entries },
    file,
    directory,
    plugins: list.plugins,
    modules: list.modules,
    get effective() {
      return { ...effectiveSections(data, json), plugins: list.effective };
    },
    get shown() {
      return { ...(masked(effectiveSections(data, json), json) as object), plugins: list.shown };
    },
    warnings: list.warnings,
    located: ({ problems }) => new ConfigError(report.located(problems)),
  };
}

function currentDirectory(): string {
  try {
    return process.cwd();
  } catch {
    return '/';
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

/** Copies `data` with one value changed. A non-mapping on the path is kept, so that validation reports it. */
function changeAt(data: unknown, path: readonly string[], change: (current: unknown) => unknown): unknown {
  const [segment, ...rest] = path;
  if (segment === undefined) return change(data);
  if (data !== undefined && (typeof data !== 'object' || data === null || Array.isArray(data))) return data;
  const current = (data as Record<string, unknown> | undefined)?.[segment];
  return { ...data, [segment]: changeAt(current, rest, change) };
}

function effectiveSections(data: unknown, json: JsonSchema): Record<string, unknown> {
  const { $schema: _, plugins: __, ...sections } = withDefaults(data, json) as Record<string, unknown>;
  return sections;
}
