import { z } from '../contracts/index.js';

/** The subset of JSON Schema (draft 7, the best supported by editors) that zod schemas of options convert to. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly minimum?: number;
  readonly maximum?: number;
}

/**
 * The JSON Schema of the input that a zod schema accepts. A plugin may bring another copy of zod, so the schema's own
 * conversion is tried first. `{}` (accepts anything) when it cannot be converted.
 */
export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  const options = { target: 'draft-7', io: 'input', unrepresentable: 'any' } as const;
  const own = (schema as { toJSONSchema?: (options: object) => unknown }).toJSONSchema;
  for (const convert of [() => own?.call(schema, options), () => z.toJSONSchema(schema, options)]) {
    try {
      const converted = convert();
      if (typeof converted === 'object' && converted !== null) return converted as JsonSchema;
    } catch {
      // Not convertible this way. Without JSON Schema there is no completion or suggestion, but validation still works.
    }
  }
  return {};
}

/**
 * The JSON Schema of a zod schema, converted when it is asked for: that takes longer than all else about a plugin's options,
 * and a start without errors does not need it.
 */
export class LazyJsonSchema {
  private converted: JsonSchema | undefined;

  constructor(private readonly schema: z.ZodType) {}

  get value(): JsonSchema {
    this.converted ??= jsonSchemaOf(this.schema);
    return this.converted;
  }
}

/** The schema at `path`, or `undefined`. */
export function schemaAt(schema: JsonSchema, path: readonly PropertyKey[]): JsonSchema | undefined {
  let current: JsonSchema | undefined = schema;
  for (const segment of path) {
    if (current === undefined) return undefined;
    current = step(current, segment);
  }
  return current;
}

function step(schema: JsonSchema, segment: PropertyKey): JsonSchema | undefined {
  if (typeof segment === 'number') return schema.items;
  const property = Object.hasOwn(schema.properties ?? {}, segment) ? schema.properties?.[String(segment)] : undefined;
  if (property !== undefined) return property;
  for (const branch of [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])]) {
    const found = step(branch, segment);
    if (found !== undefined) return found;
  }
  return typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
}

/** The keys that a mapping may have. */
export function keysOf(schema: JsonSchema | undefined): string[] {
  if (schema === undefined) return [];
  const branches = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])];
  return [...new Set([...Object.keys(schema.properties ?? {}), ...branches.flatMap(keysOf)])];
}

export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Sets a member even if it is called `__proto__`. */
function put(target: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
}

/**
 * Removes members that are null where a mapping or list is expected: `web:` with all its lines commented out means the
 * defaults, not an error.
 */
export function withoutEmptySections(value: unknown, schema: JsonSchema | undefined): unknown {
  if (schema === undefined) return value;
  if (Array.isArray(value)) return value.map((item) => withoutEmptySections(item, schema.items));
  if (!isMapping(value)) return value;
  const result: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) {
    const of = step(schema, key);
    if (member === null && (of?.type === 'object' || of?.type === 'array')) continue;
    put(result, key, withoutEmptySections(member, of));
  }
  return result;
}

/** Fills in the defaults of the schema, in its order. */
export function withDefaults(value: unknown, schema: JsonSchema | undefined): unknown {
  if (schema === undefined) return value;
  if (value === undefined) return schema.default === undefined ? undefined : withDefaults(schema.default, schema);
  if (Array.isArray(value)) return value.map((item) => withDefaults(item, schema.items));
  if (!isMapping(value)) return value;
  const result: Record<string, unknown> = {};
  for (const key of new Set([...Object.keys(schema.properties ?? {}), ...Object.keys(value)])) {
    const member = withDefaults(Object.hasOwn(value, key) ? value[key] : undefined, step(schema, key));
    if (member !== undefined) put(result, key, member);
  }
  return result;
}

const TYPES: Record<string, string> = {
  string: 'text',
  integer: 'whole number',
  boolean: 'true, false',
  object: 'mapping',
};

/** Formats of options that name their type. */
const NAMED_FORMATS = new Set(['duration', 'size', 'percentage', 'glob']);

/** The type in words: `duration`, `list of text`, `whole number, from 1`. */
export function typeName(schema: JsonSchema): string {
  if (schema.enum !== undefined) return schema.enum.map(String).join(', ');
  if (schema.const !== undefined) return String(schema.const);
  if (schema.format !== undefined && NAMED_FORMATS.has(schema.format)) return schema.format;
  if (schema.type === 'array') return `list of ${schema.items === undefined ? 'anything' : typeName(schema.items)}`;
  if (Array.isArray(schema.type)) return schema.type.map((type) => TYPES[type] ?? type).join(' or ');
  if (typeof schema.type === 'string') return `${TYPES[schema.type] ?? schema.type}${range(schema)}`;
  return (schema.anyOf ?? schema.oneOf ?? []).map(typeName).join(' or ') || 'anything';
}

function range({ minimum, maximum }: JsonSchema): string {
  const hasMaximum = maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER;
  if (minimum !== undefined && hasMaximum) return `, ${minimum} to ${maximum}`;
  return minimum !== undefined && minimum > Number.MIN_SAFE_INTEGER ? `, from ${minimum}` : '';
}
