import { z } from '../../../kernel/contracts/index.js';

export type JsonSchema = { [key: string]: unknown };

const PREFIX = '#/$defs/';
const COMPONENTS = '#/components/schemas/';

/** Converts schemas to JSON Schema; those with an ID (`meta({ id })`) are stored once and referenced. */
export class SchemaCollection {
  /** By id. */
  readonly components: Record<string, JsonSchema> = {};

  /** The JSON Schema of a value on the wire; `{}` (anything) where JSON Schema has no equivalent. */
  convert(schema: z.ZodType): JsonSchema {
    const { $schema: _, $defs = {}, ...own } = rewritten(convert(schema));
    for (const [id, definition] of Object.entries($defs as Record<string, JsonSchema>)) {
      const { id: _name, ...rest } = definition;
      this.components[id] ??= rest;
    }
    const { id, ...rest } = own;
    if (typeof id !== 'string') return own;
    this.components[id] ??= rest;
    return { $ref: COMPONENTS + id };
  }
}

const options = { io: 'input', unrepresentable: 'any', override } as const;

/** A plugin may bring another copy of zod, so the schema is asked to convert itself first. */
function convert(schema: z.ZodType): JsonSchema {
  const own = (schema as { toJSONSchema?: (options: object) => unknown }).toJSONSchema;
  for (const attempt of [() => own?.call(schema, options), () => z.toJSONSchema(schema, options)]) {
    try {
      const converted = attempt();
      if (typeof converted === 'object' && converted !== null) return converted as JsonSchema;
    } catch {
      // The document is then less precise, but not wrong.
    }
  }
  return {};
}

/** Clients must accept further members, which later versions may add. */
function override({ jsonSchema }: { jsonSchema: JsonSchema }): void {
  if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
  if (jsonSchema.format === 'uint64' || jsonSchema.format === 'int64') jsonSchema.type = 'integer';
}

function rewritten(schema: JsonSchema): JsonSchema {
  return JSON.parse(JSON.stringify(schema), (key, value) =>
    key === '$ref' && typeof value === 'string' ? value.replace(PREFIX, COMPONENTS) : value,
  );
}
