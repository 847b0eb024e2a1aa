import type { Plugin } from '../contracts/index.js';
import { type JsonSchema, jsonSchemaOf } from './json-schema.js';
import { agentConfigSchema, type PluginEntryInput } from './schema.js';

/** A built-in plugin as the schema, the sample and the option tables show it. */
export interface DocumentedPlugin {
  /** What `use:` says. */
  readonly use: string;
  readonly description: string;
  readonly options: JsonSchema;
  /** Its entry of the default list; `undefined`: it runs only when asked for. */
  readonly entry: PluginEntryInput | undefined;
}

/** Everything that documents the config file. */
export interface ConfigReference {
  readonly file: JsonSchema;
  /** Those of the default list in their order, then the others by name. */
  readonly plugins: readonly DocumentedPlugin[];
}

/** Imports every built-in plugin and gathers what documentation is made from. */
export async function configReference(
  builtins: Readonly<Record<string, () => Promise<Plugin>>>,
  defaultPlugins: readonly PluginEntryInput[],
): Promise<ConfigReference> {
  const order = defaultPlugins.map(({ use }) => use);
  const others = Object.keys(builtins).filter((name) => !order.includes(name));
  const plugins = [...order, ...others.sort()].map(async (use): Promise<DocumentedPlugin> => {
    const plugin = await builtins[use]!();
    return {
      use,
      description: plugin.description,
      options: jsonSchemaOf(plugin.configSchema),
      entry: defaultPlugins.find((entry) => entry.use === use),
    };
  });
  return { file: jsonSchemaOf(agentConfigSchema), plugins: await Promise.all(plugins) };
}

/** The JSON Schema of the whole config file, for editors: `with` follows `use`. */
export function configFileSchema({ file, plugins }: ConfigReference): JsonSchema {
  const sections = Object.entries(file.properties ?? {}).map(([name, section]) => [name, orEmpty(section)] as const);
  const { plugins: list, ...rest } = Object.fromEntries(sections);
  const entry = list!.items!;
  const names = plugins.map(({ use, description }) => ({ const: use, description }));
  const use = { ...entry.properties!.use, anyOf: [...names, { type: 'string' }] };
  const byUse = plugins.map((plugin) => ({
    if: { properties: { use: { const: plugin.use } }, required: ['use'] },
    // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema
    then: { properties: { with: orEmpty(withoutDialect(plugin.options)) } },
  }));
  const items = { ...entry, properties: { ...entry.properties, use }, ...(byUse.length > 0 ? { allOf: byUse } : {}) };
  return { ...file, title: 'Tallyman', properties: { ...rest, plugins: { ...list, items } } } as JsonSchema;
}

/** A section with all its lines commented out is an empty value, and allowed. */
function orEmpty(schema: JsonSchema): JsonSchema {
  return schema.type === 'object' || schema.type === 'array' ? { ...schema, type: [schema.type, 'null'] } : schema;
}

function withoutDialect(schema: JsonSchema): JsonSchema {
  const { $schema: _, ...rest } = schema as JsonSchema & { $schema?: string };
  return rest;
}
