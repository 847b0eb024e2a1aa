import { stringify } from 'yaml';
import type { Plugin } from '../contracts/index.js';
import { type JsonSchema, jsonSchemaOf, typeName, withDefaults } from './json-schema.js';
import { agentConfigSchema, type PluginEntryInput } from './schema.js';

/** A built-in plugin as documented in the schema, the sample and the option tables. */
export interface DocumentedPlugin {
  /** Its name in `use:`. */
  readonly use: string;
  readonly description: string;
  readonly options: JsonSchema;
  /** Its entry in the default list; `undefined` for a plugin that is off by default. */
  readonly entry: PluginEntryInput | undefined;
}

/** The input of all generated documentation of the config file. */
export interface ConfigReference {
  readonly file: JsonSchema;
  /** The default list in its order, then the others by name. */
  readonly plugins: readonly DocumentedPlugin[];
}

/** Imports every built-in plugin and collects its documentation. */
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

/** The JSON Schema of the whole config file, for editors: the schema of `with` depends on `use`. */
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

/** Allows null: a section with all its lines commented out is an empty value. */
function orEmpty(schema: JsonSchema): JsonSchema {
  return schema.type === 'object' || schema.type === 'array' ? { ...schema, type: [schema.type, 'null'] } : schema;
}

function withoutDialect(schema: JsonSchema): JsonSchema {
  const { $schema: _, ...rest } = schema as JsonSchema & { $schema?: string };
  return rest;
}

const WIDTH = 110;

const HEADER = `\
# The configuration of Tallyman: every option, with its default.
#
# A line that starts with "# " explains. A line that starts with "#" and no space is an option with its default:
# remove the "#" to set it, together with that of the line it belongs to.
# Check what you wrote with: tallyman check --config FILE
`;

/** The commented default config. Uncommenting all options gives exactly the defaults. */
export function renderSample(reference: ConfigReference): string {
  const parts = Object.entries(reference.file.properties ?? {}).map(([name, schema]) => {
    if (name === 'plugins') return pluginList(schema, reference.plugins);
    if (schema.properties === undefined) return option(name, schema, '');
    return `${prose(schema.description, '')}${name}:\n${options(schema, '  ')}`;
  });
  return [HEADER, ...parts].join('\n');
}

function pluginList(schema: JsonSchema, plugins: readonly DocumentedPlugin[]): string {
  const intro = `${prose(schema.description, '')}plugins:\n${entryOptions(schema.items, '  ')}`;
  return [intro, ...plugins.map(pluginEntry)].join('\n');
}

/** The options of list elements as comments, because a list has no default elements to show them. */
function entryOptions(items: JsonSchema | undefined, indent: string): string {
  const members = membersOf(items, indent);
  return members === '' ? '' : `${prose('Options of an entry:', indent)}${members}`;
}

function membersOf(schema: JsonSchema | undefined, indent: string): string {
  return Object.entries(schema?.properties ?? {})
    .map(([name, member]) => {
      const nested = membersOf(member, `${indent}  `) + membersOf(member.items, `${indent}  `);
      const value = nested === '' ? ` ${shownValue(member)}` : '';
      return `${prose(`${name}:${value}`, indent)}${prose(member.description, indent, '    ')}${nested}`;
    })
    .join('');
}

/** A placeholder for an option without default. */
function shownValue(schema: JsonSchema): string {
  const value = schema.default ?? schema.examples?.[0];
  return value === undefined ? `<${typeName(schema)}>` : flow(value);
}

function pluginEntry({ use, description, entry, options: json }: DocumentedPlugin): string {
  const state = entry === undefined ? 'Off by default: an entry without `enabled: false` turns it on.' : '';
  const { use: _, with: given, ...rest } = entry ?? { use, enabled: false };
  const members = Object.entries(rest).map(([name, value]) => `    #${name}: ${flow(value)}\n`);
  const body = options(json, '      ', given ?? {});
  const block = body === '' ? '' : `    ${hasSetting(json, given) ? '#' : '# '}with:\n${body}`;
  return `${prose(`${description} ${state}`.trim(), '  ')}  #- use: ${flow(use)}\n${members.join('')}${block}`;
}

/** Whether uncommenting leaves something below `with:`; an empty `with:` is allowed but looks odd. */
function hasSetting(json: JsonSchema, given: unknown): boolean {
  return Object.keys(withDefaults(given ?? {}, json) as object).length > 0;
}

function options(schema: JsonSchema, indent: string, given: Readonly<Record<string, unknown>> = {}): string {
  return Object.entries(schema.properties ?? {})
    .map(([name, member]) => option(name, member, indent, given[name]))
    .join('');
}

function option(name: string, schema: JsonSchema, indent: string, given?: unknown): string {
  const comment = `${prose(schema.description, indent)}${entryOptions(schema.items, indent)}`;
  if (schema.properties !== undefined) {
    return `${comment}${indent}#${name}:\n${options(schema, `${indent}  `, (given ?? {}) as Record<string, unknown>)}`;
  }
  const value = given ?? schema.default;
  if (value !== undefined) return `${comment}${indent}#${flow(name)}: ${flow(value)}\n`;
  return `${comment}${prose(`${name}: ${shownValue(schema)}`, indent)}`;
}

function flow(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', flowCollectionPadding: false, lineWidth: 0 }).trimEnd();
}

/** Comment lines, wrapped; `hang` indents the text after the `# `. */
function prose(text: string | undefined, indent: string, hang = ''): string {
  if (text === undefined || text === '') return '';
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && indent.length + hang.length + line.length + word.length + 3 > WIDTH) {
      lines.push(line);
      line = '';
    }
    line += line === '' ? word : ` ${word}`;
  }
  lines.push(line);
  return lines.map((each) => `${indent}# ${hang}${each}\n`).join('');
}

/** Markdown tables of every option: the file's sections, then the built-in plugins that have options. */
export function renderReference({ file, plugins }: ConfigReference): string {
  const sections = Object.entries(file.properties ?? {});
  const general = sections.filter(([name]) => name !== 'plugins').flatMap(([name, schema]) => rows(name, schema));
  const list = file.properties?.plugins;
  const tables = [
    `### The agent\n\n${table(general)}`,
    `### Entries of \`plugins\`\n\n${list?.description ?? ''}\n\n${table(rows('', list?.items ?? {}))}`,
    `### Built-in plugins\n\n${pluginTable(plugins)}`,
  ];
  for (const { use, options } of plugins) {
    const found = rows('', options);
    if (found.length > 0) tables.push(`#### Options of \`${use}\`\n\n${table(found)}`);
  }
  return `${tables.join('\n\n')}\n`;
}

function pluginTable(plugins: ConfigReference['plugins']): string {
  const lines = plugins.map(
    ({ use, description, entry }) => `| \`${use}\` | ${entry === undefined ? 'off' : 'on'} | ${cell(description)} |`,
  );
  return ['| `use` | default | what it gives |', '|---|---|---|', ...lines].join('\n');
}

function table(lines: readonly string[]): string {
  return ['| option | type | default | meaning |', '|---|---|---|---|', ...lines].join('\n');
}

function rows(path: string, schema: JsonSchema): string[] {
  if (schema.properties !== undefined) {
    const members = Object.entries(schema.properties);
    return members.flatMap(([name, member]) => rows(path === '' ? name : `${path}.${name}`, member));
  }
  if (path === '') return [];
  const standard = schema.default === undefined ? '' : `\`${flow(schema.default)}\``;
  const own = `| \`${path}\` | ${typeName(schema)} | ${cell(standard)} | ${cell(schema.description ?? '')} |`;
  return schema.items?.properties === undefined ? [own] : [own, ...rows(`${path}[]`, schema.items)];
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ');
}
