import { stringify } from 'yaml';
import type { ConfigReference, DocumentedPlugin } from './file-schema.js';
import { type JsonSchema, typeName, withDefaults } from './json-schema.js';

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

/** What the elements of a list are made of, in comments: a list has no default elements to show it at. */
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

/** A value to show where there is none to set. */
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

/** A value on one line. */
export function flow(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', flowCollectionPadding: false, lineWidth: 0 }).trimEnd();
}

/** Comment lines, wrapped; `hang` indents the text behind the `# `. */
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

/** A sample with all its options set. */
export function uncomment(sample: string): string {
  return sample.replaceAll(/^( *)#(?=\S)/gm, '$1');
}
