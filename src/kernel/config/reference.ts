import type { ConfigReference } from './file-schema.js';
import { type JsonSchema, typeName } from './json-schema.js';
import { flow } from './sample.js';

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
