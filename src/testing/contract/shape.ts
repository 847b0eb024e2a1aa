import { type JsonSchema, jsonSchemaOf } from '../../kernel/config/index.js';
import { PLUGIN_API_VERSION, type Plugin } from '../../kernel/contracts/index.js';
import type { Check } from './check.js';

const NAME = /^[a-z][\w.-]*$/i;

/** Checks that need no instance. */
export function shapeChecks(plugin: Plugin, options: Readonly<Record<string, unknown>>): Check[] {
  return [
    { name: 'says what it is', run: () => identityProblems(plugin) },
    { name: 'documents its options', run: () => optionProblems(jsonSchemaOf(plugin.configSchema)) },
    { name: 'refuses options it does not know', run: () => acceptsAnything(plugin, options) },
  ];
}

function identityProblems(plugin: Plugin): string[] {
  const problems: string[] = [];
  if (plugin.apiVersion !== PLUGIN_API_VERSION) problems.push(`apiVersion is ${plugin.apiVersion}`);
  if (!NAME.test(plugin.name)) problems.push(`name ${JSON.stringify(plugin.name)} is not a word`);
  if (typeof plugin.description !== 'string' || plugin.description.trim().length < 10) {
    problems.push('description does not say in a sentence what it gives');
  }
  if (plugin.version !== undefined && !/^\d+\.\d+\.\d+/.test(plugin.version)) {
    problems.push(`version ${JSON.stringify(plugin.version)} is not a version number`);
  }
  return problems;
}

function optionProblems(schema: JsonSchema): string[] {
  if (schema.type !== 'object') return ['configSchema is no object: z.strictObject({ … }) was expected'];
  return undocumented(schema, '').map((option) => `option ${option} has no .describe()`);
}

function undocumented(schema: JsonSchema, path: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, option]) => {
    const own = option.description === undefined ? [`${path}${name}`] : [];
    return [
      ...own,
      ...undocumented(option, `${path}${name}.`),
      ...undocumented(option.items ?? {}, `${path}${name}[].`),
    ];
  });
}

/** A misspelt option must not be accepted silently. */
function acceptsAnything({ configSchema }: Plugin, options: Readonly<Record<string, unknown>>): string[] {
  const accepted = configSchema.safeParse({ ...options, 'no-such-option': 1 }).success;
  return accepted ? ['an unknown option is accepted: use z.strictObject instead of z.object'] : [];
}
